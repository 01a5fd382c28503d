"""The command line: one file per noun; stdout is data, stderr is narration.

Commands read the library and put jobs on the queue; they never train or draw themselves.
"""


def run_command() -> None:
    """Run the command that `sys.argv` names and exit with its code."""
    from zen_tui.cli.main import main

    main()
