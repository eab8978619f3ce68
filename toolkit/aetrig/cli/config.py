"""`aetrig config`: show, check, and describe configurations."""

from __future__ import annotations

import typer

from aetrig.cli.options import ConfigArgument, SetOption

app = typer.Typer(help="Show, check or describe configurations.", no_args_is_help=True)


@app.command()
def show(config: ConfigArgument = None, overrides: SetOption = None) -> None:
    """Print the resolved config, every option written out.

    Example: aetrig config show configs/l1.yaml --set quant.weight_bits=4
    """
    from aetrig import config as configuration

    typer.echo(configuration.dump(configuration.load(config, overrides or [])), nl=False)


@app.command()
def check(config: ConfigArgument = None, overrides: SetOption = None) -> None:
    """Check a config.

    Exit code 2 and one line if something is wrong with it.

    Example: aetrig config check configs/atlas-jets.yaml
    """
    from aetrig import config as configuration

    settings = configuration.load(config, overrides or [])
    layers = ", ".join(settings.net.layer_names())
    typer.echo(f"{config or 'the default config'}: good; run '{settings.name}', layers {layers}")


@app.command()
def schema() -> None:
    """Print the JSON schema, for editors that complete and check YAML.

    Example: aetrig config schema > aetrig.schema.json
    """
    from aetrig import config as configuration

    typer.echo(configuration.schema())
