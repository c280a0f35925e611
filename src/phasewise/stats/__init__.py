"""Small pure numpy functions: scores, intervals, paired comparisons, power, optimism, diagnosis. No torch."""
