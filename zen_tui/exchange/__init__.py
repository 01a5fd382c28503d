"""Other tools' formats, in and out; read without torch."""
