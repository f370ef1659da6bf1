#!/bin/sh
# Promotes a canary that passed, rolls back one that failed, and leaves the rest to people.
serin judge serin.yaml --format lines --output serin-report.html
code=$?
case $code in
  0) ./promote.sh ;;
  2) ./roll-back.sh; exit 2 ;;
  3) echo "serin cannot tell: see serin-report.html, then promote or roll back by hand"; exit 3 ;;
  *) echo "serin could not judge: the release stays where it is"; exit 1 ;;
esac
