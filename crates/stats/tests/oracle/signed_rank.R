# Writes signed_rank.r.tsv: R's signed-rank test, exact without ties, asymptotic with and without.
set.seed(1945)
number <- function(values) paste(sprintf("%.17g", values), collapse = ",")
cat("# ", R.version.string, ", wilcox.test(d, correct = TRUE)\n", sep = "")
cat("# differences\talternative\tmethod\tw\tp_value\n")
report <- function(d, exact) {
  for (alternative in c("two.sided", "less", "greater")) {
    test <- suppressWarnings(wilcox.test(d, alternative = alternative, exact = exact, correct = TRUE))
    cat(number(d), alternative, if (exact) "exact" else "asymptotic", number(test$statistic), number(test$p.value), sep = "\t")
    cat("\n")
  }
}
for (shape in list(c(1, 0), c(2, 1), c(5, 0.5), c(12, -0.4), c(30, 0.3), c(49, 1.5), c(120, 0.1), c(300, -0.2))) {
  d <- round(rnorm(shape[1], shape[2]), 9)
  report(d, TRUE)
  report(d, FALSE)
  # With ties, and with zeros among them.
  if (shape[1] > 2) report(round(2 * d), FALSE)
}
