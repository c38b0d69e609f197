//! Each page of the book as a module, so that its code blocks are tests.
