//! `mainstem serve`.
#![cfg_attr(
    not(test),
    expect(dead_code, reason = "the server that serves them is on its way")
)]

mod approval;
mod article;
mod bundled;
mod echo;
