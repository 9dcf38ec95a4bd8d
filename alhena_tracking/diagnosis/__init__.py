"""Why events do, or do not, appear: counts of what came in, facts drawn from the rows, and the checks made of them."""
