mod challenge;
mod environment;
mod lifetimes;
