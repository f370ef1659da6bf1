# Writes conditional_binomial_test.tsv: R's exact test of a ratio of Poisson rates.
number <- function(value) sprintf("%.17g", value)
cat("# ", R.version.string, ", poisson.test, two-sided as twice the smaller\n", sep = "")
cat("# events_x\tevents_y\tshare_x\tless\tgreater\ttwo_sided\n")
for (events in list(c(0, 0), c(0, 1), c(1, 0), c(3, 0), c(0, 12), c(5, 7), c(9, 11), c(40, 25), c(17, 900),
                    c(2500, 2400), c(60000, 61000))) {
  for (share in c(0.01, 0.1, 1 / 3, 0.5, 0.9)) {
    p <- function(alternative) if (sum(events) == 0) 1 else
      poisson.test(events, c(share, 1 - share), alternative = alternative)$p.value
    less <- p("less")
    greater <- p("greater")
    cat(events[1], events[2], number(share), number(less), number(greater),
        number(min(1, 2 * min(less, greater))), sep = "\t")
    cat("\n")
  }
}
