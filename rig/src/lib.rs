//! A real canary on one machine, and a recording of what it counted.
//!
//! The rig starts replicas of a small shop in two versions, stable and canary,
//! each a process of its own on a free loopback port. It sends both the same
//! open-loop traffic and writes down, every few seconds, what each replica
//! reports on `/metrics`. Or it puts HAProxy before the replicas and lets
//! Prometheus do the scraping. The recordings in `examples/` were made so.
//!
//! It is a tool for developers: never shipped, and no test of the product
//! needs it. It knows nothing of judging. Whether the canary is good is for
//! `serin` to find out from the recording alone.

pub mod balanced;
pub mod behaviour;
pub mod client;
pub mod clock;
pub mod console;
pub mod daemon;
pub mod direct;
pub mod experiment;
pub mod exposition;
pub mod fleet;
pub mod haproxy;
pub mod lifeline;
pub mod load;
pub mod neighbour;
pub mod prometheus;
pub mod recording;
pub mod report;
pub mod run;
pub mod scenario;
pub mod service;
pub mod shape;
pub mod telemetry;
pub mod weights;
