"""The `zen` command: alone it opens the app, with words it runs a command.

The two paths import nothing of each other, so that the app's first frame does not wait for the command
line and a command does not wait for Textual.
"""

import gc
import sys


def main() -> None:
    opens_app = len(sys.argv) == 1
    if opens_app:
        gc.disable()  # imports leave no garbage to look for; the app turns it on after its first frame
    from zen_tui.privacy.environment import prepare

    prepare()
    if opens_app:
        from zen_tui.tui.app import run

        run()
    else:
        from zen_tui.cli import run_command

        run_command()


if __name__ == "__main__":
    main()
