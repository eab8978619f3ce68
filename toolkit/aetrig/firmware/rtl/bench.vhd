-- Clocks the trigger through stimulus.txt, a line a cycle (reset, valid, the bits of x), and writes
-- response.txt: valid, y, score and accept as they stand after each rising edge; and
-- network_digest.txt: the bits of that port.
library ieee;
use ieee.std_logic_1164.all;
use std.textio.all;
use work.trigger_config.all;

entity bench is
end entity bench;

architecture simulation of bench is
    signal clk, rst, valid_in, valid_out : std_logic := '0';
    signal x      : std_logic_vector(X_BITS - 1 downto 0) := (others => '0');
    signal y      : std_logic_vector(Y_BITS - 1 downto 0);
    signal score  : std_logic_vector(SCORE_BITS - 1 downto 0);
    signal accept : std_logic_vector(POINTS - 1 downto 0);
    signal network_digest : std_logic_vector(255 downto 0);
begin
    dut : entity work.trigger
        port map (
            clk => clk, rst => rst, valid_in => valid_in, x => x, valid_out => valid_out,
            y => y, score => score, accept => accept, network_digest => network_digest
        );

    process
        file stimulus : text open read_mode is "stimulus.txt";
        file response : text open write_mode is "response.txt";
        file identity : text open write_mode is "network_digest.txt";
        variable row : line;
        variable cycle : std_logic_vector(X_BITS + 1 downto 0);
    begin
        while not endfile(stimulus) loop
            readline(stimulus, row);
            read(row, cycle);
            rst <= cycle(X_BITS + 1);
            valid_in <= cycle(X_BITS);
            x <= cycle(X_BITS - 1 downto 0);
            clk <= '0';
            wait for 1 ns;
            clk <= '1';
            wait for 1 ns;
            write(row, valid_out);
            write(row, ' ');
            write(row, y);
            write(row, ' ');
            write(row, score);
            write(row, ' ');
            write(row, accept);
            writeline(response, row);
        end loop;
        write(row, network_digest);
        writeline(identity, row);
        wait;
    end process;
end architecture simulation;
