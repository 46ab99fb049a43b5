//! `jail profile`: names, what a profile comes to, how two differ, a first one, and the schema.

mod commands;
mod schema;
mod start;
