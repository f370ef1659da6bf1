# Writes autocorrelation.r.tsv: R's acf and Burg's method, on series of a fixed seed.
set.seed(1987)
number <- function(values) if (length(values) == 0) "none" else paste(sprintf("%.17g", values), collapse = ",")
cat("# ", R.version.string, ", acf, ar.burg; the bias taken back by solve()\n", sep = "")
cat("# function\tvalues\targument\tvalue\n")

long_run_variance <- function(x, lags) {
  covariance <- acf(x, type = "covariance", lag.max = min(lags, length(x) - 1), plot = FALSE)$acf[, 1, 1]
  l <- seq_along(covariance) - 1
  sum(ifelse(l == 0, 1, 2) * (1 - l / (lags + 1)) * covariance)
}

# What an estimate of each order falls short by: a constant and a matrix, over n.
bias <- list(list(1, matrix(3)),
             list(c(1, 2), rbind(c(1, 1), c(0, 4))),
             list(c(1, 2, 1), rbind(c(1, 0, 2), c(-1, 4, 1), c(0, 0, 5))))

best_model <- function(x, most_lags) {
  n <- length(x)
  power <- mean((x - mean(x))^2)
  costs <- n * log(power)
  for (order in seq_len(most_lags)) {
    partial <- ar(x, aic = FALSE, order.max = order, method = "burg")$partialacf[, 1, 1]
    costs <- c(costs, n * log(power * prod(1 - partial^2)) + order * log(n))
  }
  order <- which.min(costs) - 1
  if (order == 0) return(numeric(0))
  biased <- ar(x, aic = FALSE, order.max = order, method = "burg")$ar
  short <- bias[[order]]
  unbiased <- solve(diag(order) - short[[2]] / n, biased + short[[1]] / n)
  if (sum(unbiased) > 1) {
    unbiased <- biased + (1 - sum(biased)) / (sum(unbiased) - sum(biased)) * (unbiased - biased)
  }
  unbiased
}

# With a coefficient of 0 arima.sim warns, and does what it should.
simulate <- function(shape) suppressWarnings(arima.sim(list(ar = shape[[2]]), shape[[1]]))

for (shape in list(list(12, 0), list(20, 0.5), list(60, 0.9), list(60, 0), list(90, c(0.5, 0.3)),
                   list(150, c(0.4, -0.2, 0.5)), list(200, -0.7), list(15, 0.99), list(80, c(1.2, -0.5)))) {
  x <- round(1000 + 50 * as.numeric(simulate(shape)), 6)
  for (lag in c(0, 1, 2, 7)) {
    cat("autocorrelation", number(x), lag, number(acf(x, lag.max = lag, plot = FALSE)$acf[lag + 1, 1, 1]), sep = "\t")
    cat("\n")
  }
  for (lags in c(0, 1, 5, 11, 30)) {
    cat("long_run_variance", number(x), lags, number(long_run_variance(x, lags)), sep = "\t")
    cat("\n")
  }
  for (most_lags in 0:3) {
    cat("autoregression", number(x), most_lags, number(best_model(x, most_lags)), sep = "\t")
    cat("\n")
  }
}
