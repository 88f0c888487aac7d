mod names;
mod switch;
