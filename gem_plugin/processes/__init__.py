"""Several processes that torchrun started on one machine or many: who writes, what they say to each other, who does which rows."""
