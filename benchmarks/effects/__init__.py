"""Effect runs with their controls (requirements.md section 0) on tables: paired by seed, equal steps, equal tuning; nulls are printed too."""
