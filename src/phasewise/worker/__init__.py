"""The engine process: reads a job from a run folder, runs it, writes events; can be killed and started again at any moment."""
