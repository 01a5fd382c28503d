"""Another process of a job that several share: `python -m zen_tui.jobs.rank KIND …`, started by the first.

It makes itself private and locks itself as the worker does, computes what it is told to, and writes nothing. It
ends with the first process, however that ends.
"""

from __future__ import annotations

import faulthandler
import signal
import sys

from zen_tui.jobs import handlers
from zen_tui.library.errors import ZenError
from zen_tui.library.paths import Home
from zen_tui.mannequins.memory import keep_freed_memory
from zen_tui.privacy import crash, environment, lock
from zen_tui.ranks import helpers
from zen_tui.ranks.links import Lost


def main() -> None:
    """Help with one job, and leave."""
    kind, *words = sys.argv[1:]
    team = helpers.join(words)
    assert team.up is not None
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the first process hears them, and ends this one
    home = Home.find()
    environment.prepare_worker(home)
    crash.install(home)
    faulthandler.enable()
    keep_freed_memory()
    lock.engage()
    try:
        handlers.load_help(kind)(team, home)
    except Lost:
        return
    except ZenError as error:
        team.up.fail(error)
    except Exception as error:
        print(crash.redacted(error), file=sys.stderr, flush=True)
        message = f"Something went wrong inside Zen, in another process of the job ({type(error).__name__})."
        team.up.fail(ZenError(message, "The job's log shows where. What was made is kept; resume it to go on."))


if __name__ == "__main__":
    main()
