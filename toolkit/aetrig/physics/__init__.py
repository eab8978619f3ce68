"""What the trigger is judged by: scores, ROC curves, rates and efficiencies, residuals."""
