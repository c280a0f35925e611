"""The language all rooms speak: answers, jobs, events, findings, ideas, results. Imports nothing of ours but texts."""
