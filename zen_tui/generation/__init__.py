"""Making pictures: the engine, and the job that records what it makes."""
