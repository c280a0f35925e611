"""Making a trained picture network smaller: ranking, removal, the prune loop, lesions (X09-X12)."""
