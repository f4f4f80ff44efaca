"""The result of a simulation, for people."""

from __future__ import annotations

from bisectsyms.core.words import percent
from bisectsyms.render.console import console as make_console
from bisectsyms.usecases.simulate import Simulated


def show_simulated(result: Simulated) -> None:
    """What to expect first, how sure it is after that."""
    console = make_console()
    for line in lines(result):
        console.print(line, soft_wrap=True, markup=False)


def lines(result: Simulated) -> list[str]:
    """The text."""
    options, setting = result.options, result.options.setting
    shape = f"{percent(setting.merges)} merges" if setting.merges else "linear"
    said = [
        f"{setting.commits} commits ({shape}), rates {setting.old:g} and {setting.new:g}, "
        f"{options.trials} trials from seed {options.seed}, confidence {percent(options.confidence)}",
        f"attempts: {result.attempts:.0f} on average, 9 of 10 trials need at most {result.attempts_90:.0f}",
        f"moves:    {result.moves:.0f} on average",
    ]
    if options.move:
        said.append(f"cost:     {result.cost:.0f} repeats, a move being worth {options.move:g} more")
    if options.at_once > 1:
        said.append(f"rounds:   {result.rounds:.0f} of {options.at_once} at once")
    if result.bound is not None:
        said.append(f"bound:    {result.bound:.0f} attempts, even for a search that knows the rates")
    said.append(f"right:    {percent(result.right)}; a commit named in {percent(result.named)} of the trials")
    if result.undecided:
        said.append(f"no answer in {percent(result.undecided)}")
    said.append("stated as  answers  right")
    said += [f"{percent(one.stated):>9}  {one.answers:7}  {percent(one.right)}" for one in result.calibration]
    return said
