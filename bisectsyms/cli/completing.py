"""`bisectsyms completion`: what a shell needs to complete verbs, options and names of profiles."""

from __future__ import annotations

import os

import click

VARIABLE = "_BISECTSYMS_COMPLETE"
"""By which click is asked for completions, and by whose script."""


def asked() -> bool:
    """Whether a shell asks for completions: then nothing but that is done."""
    return VARIABLE in os.environ


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> int:
    """Print the script by which SHELL completes verbs, options and names of profiles.

    \b
    Example:  bisectsyms completion zsh > ~/.zfunc/_bisectsyms
              cd ~/.config/fish/completions
              bisectsyms completion fish > bisectsyms.fish
              cd ~/.local/share/bash-completion/completions
              bisectsyms completion bash > bisectsyms
    """
    from click.shell_completion import get_completion_class

    found = get_completion_class(shell)
    assert found is not None, "click knows the three"
    click.echo(found(ctx.find_root().command, {}, "bisectsyms", VARIABLE).source())
    return 0


VERBS = (completion,)
