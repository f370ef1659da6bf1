# Writes mann_whitney_u.r.tsv: R's wilcox.test on samples from a fixed seed.
set.seed(1945)
number <- function(values) paste(sprintf("%.17g", values), collapse = ",")
report <- function(x, y, method) {
  for (alternative in c("two.sided", "less", "greater")) {
    test <- suppressWarnings(wilcox.test(x, y, alternative, exact = method == "exact", correct = TRUE))
    cat(number(x), number(y), sub(".", "-", alternative, fixed = TRUE), method,
        number(test$statistic), number(test$p.value), sep = "\t")
    cat("\n")
  }
}
cat("# ", R.version.string, ", wilcox.test\n", sep = "")
cat("# x\ty\talternative\tmethod\tu\tp_value\n")
for (shape in list(c(1, 1), c(2, 3), c(6, 5), c(12, 12), c(5, 60), c(20, 20), c(49, 49))) {
  for (lift in c(0, 400, 1000)) {
    values <- sample(1000, sum(shape))
    x <- head(values, shape[1]) + lift + 0.5
    y <- tail(values, shape[2])
    report(x, y, "exact")
    report(x, y, "asymptotic")
  }
}
for (shape in list(c(2, 3), c(10, 10), c(40, 60))) {
  report(rpois(shape[1], 4), rpois(shape[2], 3), "asymptotic")
}
