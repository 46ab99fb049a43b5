//! Reports, words and tables of outcomes made by hand.
