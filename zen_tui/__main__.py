"""The `zen` command: alone it opens the app, with words it runs a command.

The two paths import nothing of each other, so that the app's first frame does not wait for the command
line and a command does not wait for Textual.
"""

import sys


def main() -> None:
    from zen_tui.privacy.environment import prepare

    prepare()
    if len(sys.argv) == 1:
        from zen_tui.tui.app import run

        run()
    else:
        from zen_tui.cli import run_command

        run_command()


if __name__ == "__main__":
    main()
