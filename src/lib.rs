#![doc = include_str!("ARCHITECTURE.md")]

pub mod cli;
pub mod command;
pub mod db;
pub mod demo;
pub mod engine;
pub mod error;
pub mod export;
pub mod jobs;
pub mod lab;
pub mod memory;
pub mod report;
pub mod state;
pub mod ui;
pub mod units;
