#![doc = include_str!("../README.md")]

pub mod game_manager;
pub mod logger;

pub use game_manager::GameManager;
