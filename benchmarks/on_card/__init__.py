"""The parts of `benchmarks.cuda`: models in their real size with random numbers, and what is tried with them."""
