# Writes quantile.r.tsv: R's quantiles of type 7, its default.
set.seed(1996)
number <- function(values) paste(sprintf("%.17g", values), collapse = ",")
cat("# ", R.version.string, ", quantile(type = 7)\n", sep = "")
cat("# values\tprobability\tquantile\n")
for (n in c(1, 2, 5, 24, 101)) {
  for (probability in c(0, 0.05, 0.1, 0.5, 0.7, 0.9, 0.999, 1)) {
    values <- if (n == 24) rpois(n, 3) else rnorm(n, 100, 20)
    cat(number(values), number(probability), number(quantile(values, probability, type = 7)), sep = "\t")
    cat("\n")
  }
}
