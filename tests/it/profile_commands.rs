//! `jail profile` and `jail trust`: names, what a profile comes to, how two differ, a first one, the schema, and the
//! profile of a project.

mod commands;
mod schema;
mod start;
mod store;
mod trust;
