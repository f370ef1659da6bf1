# Writes hodges_lehmann.r.tsv: R's exact interval, on samples without ties.
set.seed(1963)
number <- function(values) paste(sprintf("%.17g", values), collapse = ",")
cat("# ", R.version.string, ", wilcox.test(conf.int = TRUE, exact = TRUE), qwilcox, pwilcox\n", sep = "")
cat("# x\ty\tconfidence\testimate\tlower\tupper\tattained\n")
for (shape in list(c(1, 1), c(1, 5), c(3, 3), c(5, 4), c(8, 8), c(10, 30), c(20, 20), c(100, 20))) {
  for (confidence in c(0.5, 0.9, 0.95, 0.98, 0.99)) {
    x <- round(rexp(shape[1], 1 / 100), 9) + 10
    y <- round(rexp(shape[2], 1 / 100), 9)
    test <- suppressWarnings(wilcox.test(x, y, conf.int = TRUE, conf.level = confidence, exact = TRUE))
    k <- max(qwilcox((1 - confidence) / 2, shape[1], shape[2]), 1) - 1
    attained <- 1 - 2 * pwilcox(k, shape[1], shape[2])
    cat(number(x), number(y), number(confidence), number(test$estimate),
        number(test$conf.int[1]), number(test$conf.int[2]), number(attained), sep = "\t")
    cat("\n")
  }
}
