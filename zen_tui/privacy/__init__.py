"""The offline lock and its proof, the private environment, crash reports without secrets."""
