"""The one description of a run: every option of every stage, checked before anything starts.

All models are frozen and refuse unknown keys; `load.py` turns a violation into one line.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from aetrig.config.base import Model, Name
from aetrig.config.sources import DataSource, L1Source
from aetrig.config.stability import Stability

Rounding = Literal["ROUND", "FLOOR"]
ActivationName = Literal["relu", "leaky_relu", "tanh", "sigmoid"]
ScoreKind = Literal["mse", "mae", "latent", "embedding"]
Bits = Annotated[int, Field(ge=1, le=16, description="bit width, 1 to 16")]
TableBits = Annotated[int, Field(ge=2, le=10, description="bits of a table's index, 2 to 10")]
Width = Annotated[int, Field(ge=1, le=4096, description="neurons of a layer")]


class Scaling(Model):
    """How integer features become the network's numbers: (x - offset) * 2**-shift."""

    kind: Literal["shift", "standard", "minmax", "unit"] = Field(
        "shift",
        description="standard and minmax are rounded to offset and shift at quantization; unit: "
        "the network's numbers are the grid's values, whose steps are powers of two",
    )
    center: Literal["auto", "median", "zero"] = Field(
        "auto",
        description="auto: zero where padding occurs, so that padding stays zero, else median",
    )
    extra_shift: dict[str, Annotated[int, Field(ge=-8, le=8)]] = Field(
        default_factory=dict,
        description="by feature name or pattern ('*_phi'): halve its numbers this many times, "
        "so that it counts less in loss and score",
    )


class Network(Model):
    """Fully-connected autoencoder: encoder widths down to the latent space, decoder widths up.

    Inputs and outputs are as wide as the data; the decoder mirrors the encoder by default.
    """

    encoder: tuple[Width, ...] = Field(
        (32, 16, 3), min_length=1, max_length=16, description="widths; the last is the latent space"
    )
    decoder: tuple[Width, ...] | None = Field(None, max_length=16, description="hidden widths")
    activation: ActivationName = Field(
        "relu", description="of hidden layers; all but relu become exact tables"
    )
    negative_slope: float = Field(
        0.125, gt=0, lt=1, description="of leaky_relu below zero; any slope is exact"
    )
    residual: bool = Field(
        False, description="hidden layers as wide as the layer before add its output to theirs"
    )
    batch_norm: bool = Field(
        False,
        description="batch normalization before the activation of hidden layers in float training; "
        "folded into the weights before quantization",
    )
    dropout: float = Field(
        0.0, ge=0, lt=1, description="share of hidden outputs dropped in float training"
    )
    variational: bool = Field(
        False, description="train a head of log-variances beside the latent means, with a KL term"
    )
    embedding: tuple[Width, ...] | None = Field(
        None,
        min_length=1,
        max_length=16,
        description="hidden widths of a second autoencoder on the latent space, for "
        "trigger.score: embedding",
    )

    @model_validator(mode="after")
    def _one_kind_of_latent_score(self) -> Network:
        if self.variational and self.embedding is not None:
            raise ValueError(
                "'variational' and 'embedding' exclude one another; choose 'variational' for "
                "trigger.score: latent, or 'embedding' for trigger.score: embedding"
            )
        return self

    @property
    def hidden_decoder(self) -> tuple[int, ...]:
        """Decoder widths without the output layer."""
        return self.encoder[-2::-1] if self.decoder is None else self.decoder

    @property
    def encoder_names(self) -> tuple[str, ...]:
        """Affine layers from the input to the latent space: encoder_0 ... encoder_n."""
        return tuple(f"encoder_{i}" for i in range(len(self.encoder)))

    @property
    def decoder_names(self) -> tuple[str, ...]:
        """Affine layers from the latent space to the output: decoder_0 ... decoder_m."""
        return tuple(f"decoder_{i}" for i in range(len(self.hidden_decoder) + 1))

    @property
    def embedding_names(self) -> tuple[str, ...]:
        """Affine layers of the second autoencoder, embedding_0 ... embedding_k, or none."""
        count = 0 if self.embedding is None else len(self.embedding) + 1
        return tuple(f"embedding_{i}" for i in range(count))

    def layer_names(self) -> tuple[str, ...]:
        """Affine layers of the deployed chain in order: the encoder, then what its score needs.

        That is the decoder, or the second autoencoder where there is one.
        """
        return self.encoder_names + (self.embedding_names or self.decoder_names)

    def training_names(self) -> tuple[str, ...]:
        """Affine layers that are quantized and trained, deployed or not."""
        return self.encoder_names + self.decoder_names + self.embedding_names


class LayerQuantization(Model):
    """Exceptions for one layer; what is not given follows the network's settings."""

    weight_bits: Bits | None = Field(None, description="bits of this layer's weights")
    activation_bits: Bits | None = Field(None, description="bits of this layer's quantized output")
    preactivation_bits: TableBits | None = Field(
        None, description="bits before this layer's tabulated activation"
    )
    rounding: Rounding | None = Field(None, description="of this layer's output")


class Quantization(Model):
    """Bit widths and rounding; scales are powers of two, found by calibration."""

    weight_bits: Bits = Field(6, description="bits of weights")
    activation_bits: Bits = Field(8, description="bits of hidden layers' outputs")
    preactivation_bits: TableBits = Field(
        8, description="bits before a tabulated activation: its table has 2**bits entries"
    )
    input_bits: Bits = Field(8, description="bits of the scaled inputs")
    output_bits: Bits = Field(8, description="bits of the network's output")
    rounding: Rounding = Field("ROUND", description="of layer outputs; FLOOR costs no adder")
    input_rounding: Rounding = Field("ROUND", description="of the scaled inputs")
    input_saturation: float = Field(
        1e-4, ge=0, lt=0.5, description="share of present training entries that may saturate"
    )
    layers: dict[str, LayerQuantization] = Field(
        default_factory=dict, description="exceptions by layer, as encoder_0"
    )


class Phase(Model):
    """One training phase: float, or quantization-aware from the float weights."""

    epochs: int = Field(40, ge=1, le=100_000, description="passes over the training events")
    learning_rate: float = Field(1e-3, gt=0, description="of Adam, at the start of the phase")
    schedule: Literal["constant", "cosine", "plateau"] = Field(
        "cosine",
        description="of the learning rate; cosine falls to zero over the phase, plateau halves "
        "after three epochs without progress",
    )
    patience: int | None = Field(10, ge=1, description="epochs without progress before stopping")
    min_delta: float = Field(0.0, ge=0, description="validation loss must fall by more than this")


class Pruning(Model):
    """Magnitude pruning during quantization-aware training (Zhu and Gupta, arXiv:1710.01878)."""

    sparsity: float = Field(0.0, ge=0, lt=1, description="final share of zero weights")
    start_epoch: int = Field(0, ge=0, description="epoch in which pruning begins")
    end_epoch: int | None = Field(None, ge=1, description="default: two thirds of the phase")
    scope: Literal["layer", "global"] = Field(
        "layer", description="the share holds in each layer, or over all layers together"
    )


class LatentRemoval(Model):
    """Latent dimensions that are set to zero in float training, which then heals without them."""

    dimensions: tuple[Annotated[int, Field(ge=0)], ...] = Field(
        min_length=1, description="latent numbers to remove, counted from 0; one must stay"
    )
    epoch: int = Field(ge=0, description="of the float phase, from which on they are zero")


class Training(Model):
    """Both phases: Adam on the mean squared error between network input and output.

    A variational network's loss has kl_weight times the KL term beside it. A second autoencoder
    on the latent space trains with the settings of float_phase too, once the first is done.
    """

    batch_size: int = Field(1024, ge=1, le=1 << 30, description="events in each step")
    validation_fraction: float = Field(
        0.2, gt=0, lt=1, description="share of the background that is kept for validation"
    )
    split: Literal["drawn", "hash"] = Field(
        "drawn",
        description="drawn by the seed, or by a hash of each event's integers: then an event stays "
        "in its part when files are added, and equal events are in one part",
    )
    test_fraction: float = Field(
        0.0, ge=0, lt=1, description="share kept out of training and validation; needs split: hash"
    )
    fraction: float = Field(
        1.0, gt=0, le=1, description="share of the training events to use; smaller ones are within"
    )
    remove_latent: LatentRemoval | None = Field(
        None, description="latent numbers to do without, to see how many are needed"
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="auto: a GPU where there is one, else the CPU"
    )
    threads: int = Field(
        1, ge=1, le=1024, description="CPU threads; more than one seldom helps networks this small"
    )
    float_phase: Phase = Field(Phase(), description="the first training, in floating point")
    qat_phase: Phase = Field(Phase(), description="the second, with the quantizers in place")
    pruning: Pruning = Field(Pruning(), description="in the second phase")

    @model_validator(mode="after")
    def _a_test_part_needs_hashes(self) -> Training:
        if self.test_fraction and self.split != "hash":
            raise ValueError("'test_fraction' needs split: hash, so that it stays the same events")
        if self.validation_fraction + self.test_fraction >= 1:
            raise ValueError("'validation_fraction' and 'test_fraction' leave nothing to train on")
        return self

    kl_weight: float = Field(
        1e-3,
        ge=0,
        description="of a variational network's KL term, summed over the latent space and "
        "averaged over events, beside the mean of squares over features and events",
    )


class Share(Model):
    """A share of events to accept: a true or a false positive rate."""

    of: str = Field("signal", description="signal, background, or a process by name")
    share: float = Field(gt=0, lt=1, description="share of its events to accept")


class TriggerOptions(Model):
    """Score and working points of `aetrig threshold`; rates in Hz."""

    score: ScoreKind = Field(
        "mse",
        description="mean squared or absolute difference of input and output, sum of squared "
        "latent means, or squared difference of the embedding and its reconstruction",
    )
    working_points: dict[Name, Annotated[float, Field(gt=0)]] = Field(
        default_factory=lambda: {"loose": 100e3, "nominal": 30e3, "tight": 10e3},
        description="trigger rate in Hz by name",
    )
    thresholds: dict[Name, Annotated[int, Field(ge=0, lt=1 << 53)]] | None = Field(
        None, description="integer thresholds by name, in place of working_points"
    )
    shares: dict[Name, Share] | None = Field(
        None, description="accepted shares by name, in place of working_points: data without rates"
    )
    source: Literal["minbias", "processes"] = Field(
        "minbias",
        description="rate from minimum-bias crossings, or from cross sections and a luminosity",
    )
    crossing_rate: float = Field(
        2544 * 11245.0, gt=0, description="filled crossings in Hz; 2544 bunches at the LHC's 11245"
    )
    luminosity: float = Field(2e34, gt=0, description="in cm^-2 s^-1, for source: processes")


class Rtl(Model):
    """The pipelined RTL project of `aetrig rtl`."""

    part: str = Field("xcvu9p", description="FPGA, by its full name or a short one")
    language: Literal["verilog", "vhdl"] = Field("verilog", description="of the sources")
    clock_ns: float = Field(5.0, gt=0, le=1000, description="clock period in ns")
    latency_budget_ns: float | None = Field(
        None,
        gt=0,
        description="latency in ns; the cheapest pipeline within it is made, else the fastest",
    )
    stage_delay: float | None = Field(
        None, gt=0, description="longest delay of a pipeline stage in units; default: searched"
    )


class Hls(Model):
    """The hls4ml project. Part names may be short: xcvu9p."""

    part: str = Field("xcvu9p", description="FPGA, by its full name or a short one")
    backend: Literal["Vitis", "Vivado", "VivadoAccelerator", "Quartus", "Catapult"] = Field(
        "Vitis", description="the vendor's tool that hls4ml writes for"
    )
    board: str | None = Field(None, description="of backend VivadoAccelerator, e.g. pynq-z2")
    strategy: Literal["latency", "resource", "distributed_arithmetic"] = Field(
        "latency", description="how products are laid out: fast, small, or by shifts and adders"
    )
    reuse_factor: int = Field(
        1, ge=1, description="products that share one multiplier; 1 is fastest and largest"
    )
    clock_ns: float = Field(5.0, gt=0, le=1000, description="clock period in ns")


class Limits(Model):
    """What verification demands between float and quantized; below that the bar is zero bits."""

    auc_drop: float = Field(0.02, ge=0, description="largest fall of AUC, relative, any signal")
    efficiency_drop: float = Field(
        0.3, ge=0, description="largest relative fall of signal efficiency beyond 2 sigma"
    )
    agreement: float = Field(
        0.99, ge=0, le=1, description="smallest share of equal decisions on background"
    )
    loss_ratio: float = Field(2.0, gt=0, description="quantized loss over float loss, at most")
    latency_ns: float | None = Field(None, gt=0, description="latency budget in ns")
    interval_cycles: int | None = Field(None, ge=1, description="initiation interval, at most")


class Verification(Model):
    """Vectors, working point and limits of `aetrig verify`."""

    background_rate: float = Field(1e-5, gt=0, lt=1, description="accepted share of background")
    threshold: float | None = Field(
        None, gt=0, description="score above which an event is accepted; default: from the rate"
    )
    weighted: bool = Field(
        False, description="weigh background by cross section; default: as it is mixed"
    )
    max_events: int | None = Field(None, ge=1, description="validation events for the ladder")
    adversarial_events: int = Field(
        4000, ge=100, le=100_000_000, description="vectors made to break arithmetic"
    )
    limits: Limits = Field(Limits(), description="what fails a verification beside a bit")


class RunConfig(Model):
    """A whole run. ``aetrig config schema`` prints this as JSON schema."""

    name: Name = Field("l1", description="of the run, whose folder is runs/NAME")
    seed: int = Field(1, ge=0, lt=2**31, description="of weights, shuffling and drawn splits")
    data: DataSource = Field(L1Source())
    scaling: Scaling = Field(Scaling())
    net: Network = Field(Network())
    quant: Quantization = Field(Quantization())
    train: Training = Field(Training())
    trigger: TriggerOptions = Field(TriggerOptions())
    hls: Hls = Field(Hls())
    rtl: Rtl = Field(Rtl())
    verify: Verification = Field(Verification())
    stability: Stability = Field(Stability())

    @model_validator(mode="after")
    def _quantized_layers_exist(self) -> RunConfig:
        known = self.net.training_names()
        for layer in self.quant.layers:
            if layer not in known:
                raise ValueError(
                    f"quant.layers names '{layer}'; this network has {', '.join(known)}"
                )
        return self

    @model_validator(mode="after")
    def _removed_latent_numbers_exist(self) -> RunConfig:
        removal, latent = self.train.remove_latent, self.net.encoder[-1]
        if removal is None:
            return self
        given = removal.dimensions
        if max(given) >= latent or len(given) >= latent or len(set(given)) < len(given):
            raise ValueError(
                f"train.remove_latent.dimensions is {list(removal.dimensions)}; this network has "
                f"the latent dimensions 0 to {latent - 1}, of which one must stay"
            )
        epochs = self.train.float_phase.epochs
        if removal.epoch >= epochs:
            raise ValueError(
                f"train.remove_latent.epoch is {removal.epoch}; the float phase has the epochs 0 "
                f"to {epochs - 1}"
            )
        return self

    @model_validator(mode="after")
    def _score_and_embedding_belong_together(self) -> RunConfig:
        score, has_embedding = self.trigger.score, self.net.embedding is not None
        if score == "embedding" and not has_embedding:
            raise ValueError(
                "trigger.score is embedding and the network has none; give net.embedding, the "
                "hidden widths of the second autoencoder, for example [8]"
            )
        if has_embedding and score != "embedding":
            raise ValueError(
                f"trigger.score is {score}, which net.embedding does not serve; set trigger.score "
                "to embedding, or leave net.embedding out"
            )
        return self

    @model_validator(mode="after")
    def _embedding_ends_as_the_latent_space(self) -> RunConfig:
        names = self.net.embedding_names
        own = self.quant.layers.get(names[-1]) if names else None
        if own and own.activation_bits:
            raise ValueError(
                f"quant.layers.{names[-1]}.activation_bits is {own.activation_bits}, but the "
                f"second autoencoder ends with the bits of {self.net.encoder_names[-1]}; "
                "leave it out"
            )
        return self
