"""What a job costs: the dated price table, what is priced apart, estimates and budgets. Pure."""
