-- The trigger: raw hardware integers in, anomaly score and accept bits out, an event at every clock.
--
-- An event that is taken in at one rising edge of clk, with valid_in high, has its results at the
-- outputs LATENCY edges later, with valid_out high. x must come from registers. A reset, of one
-- clock or more, drops the events in flight and the one at the input.
--
-- network_digest is a constant: the SHA-256 of the contract (the ONNX file that this was made from),
-- as a number of 256 bits. Connect it to a register that software reads, whole or its highest 32
-- bits (the first 8 digits); what is left open costs nothing.
library ieee;
use ieee.std_logic_1164.all;
use work.trigger_config.all;

entity trigger is
    port (
        clk       : in  std_logic;
        rst       : in  std_logic;
        valid_in  : in  std_logic;
        x         : in  std_logic_vector(X_BITS - 1 downto 0);
        valid_out : out std_logic;
        y         : out std_logic_vector(Y_BITS - 1 downto 0);
        score     : out std_logic_vector(SCORE_BITS - 1 downto 0);
        accept    : out std_logic_vector(POINTS - 1 downto 0);
        network_digest : out std_logic_vector(255 downto 0)
    );
end entity trigger;

architecture rtl of trigger is
    -- One bit an event in flight. The data registers need no reset: nothing calls them valid.
    signal in_flight : std_logic_vector(LATENCY - 1 downto 0);
    signal shifted   : std_logic_vector(LATENCY downto 0);
    signal above     : std_logic_vector(POINTS - 1 downto 0);
begin
    shifted <= in_flight & valid_in;

    process (clk)
    begin
        if rising_edge(clk) then
            if rst = '1' then
                in_flight <= (others => '0');
            else
                in_flight <= shifted(LATENCY - 1 downto 0);
            end if;
        end if;
    end process;

    pipelined : entity work.network
        port map (clk => clk, x => x, y => y, score => score, accept => above);

    valid_out <= in_flight(LATENCY - 1);
    -- an accept bit is never high without an event of its own
    gate : for point in accept'range generate
        accept(point) <= above(point) and in_flight(LATENCY - 1);
    end generate gate;

    network_digest <= DIGEST;
end architecture rtl;
