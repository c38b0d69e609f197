//! Numbers in their ranges.

use mainstem_core::Result;
use serde_json::{Map, Number, Value};

use super::Place;
use crate::demo::words::Words;

pub(super) fn integer(
    schema: &Map<String, Value>,
    words: &mut Words,
    place: &Place,
) -> Result<Value> {
    let step = match schema.get("multipleOf").map(|step| (step, whole(step))) {
        None => 1,
        Some((_, Some(step))) if step > 0 => step,
        Some((step, _)) if step.as_f64() == Some(0.5) => 1,
        Some(_) => return Err(place.cannot("multipleOf")),
    };
    let above = schema
        .get("exclusiveMinimum")
        .and_then(floor)
        .map(|number| number + 1);
    let below = schema
        .get("exclusiveMaximum")
        .and_then(ceil)
        .map(|number| number - 1);
    let least = schema.get("minimum").and_then(ceil).max(above);
    let most = match (schema.get("maximum").and_then(floor), below) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
    // To multiples inside of the range.
    let least =
        least.map(|number| number.div_euclid(step) + i128::from(number.rem_euclid(step) > 0));
    let most = most.map(|number| number.div_euclid(step));
    if let (Some(least), Some(most)) = (least, most)
        && least > most
    {
        return Err(place.cannot("minimum"));
    }
    let is_good = |number: f64| {
        let exact = number as i128;
        number.fract() == 0.0
            && exact % step == 0
            && least.is_none_or(|least| least <= exact / step)
            && most.is_none_or(|most| exact / step <= most)
    };
    let number = match words.number(is_good) {
        Some(number) => number as i128,
        None => {
            clamp(
                likely(&place.property, words) as i128 / step.max(1),
                least,
                most,
            ) * step
        }
    };
    i64::try_from(number)
        .map(Value::from)
        .or_else(|_| u64::try_from(number).map(Value::from))
        .map_err(|_| place.cannot("maximum"))
}

fn clamp(number: i128, least: Option<i128>, most: Option<i128>) -> i128 {
    let number = least.map_or(number, |least| number.max(least));
    most.map_or(number, |most| number.min(most))
}

pub(super) fn float(
    schema: &Map<String, Value>,
    words: &mut Words,
    place: &Place,
) -> Result<Value> {
    let bound = |keyword: &str| schema.get(keyword).and_then(Value::as_f64);
    let fits = |number: f64| {
        bound("minimum").is_none_or(|least| number >= least)
            && bound("maximum").is_none_or(|most| number <= most)
            && bound("exclusiveMinimum").is_none_or(|least| number > least)
            && bound("exclusiveMaximum").is_none_or(|most| number < most)
    };
    let step = bound("multipleOf").unwrap_or(0.0);
    let on_step =
        |number: f64| step == 0.0 || ((number / step) - (number / step).round()).abs() < 1e-9;
    let number = match words.number(|number| fits(number) && on_step(number)) {
        Some(number) => Some(number),
        None => {
            let likely = likely(&place.property, words) + 0.5;
            candidates(likely, &bound, step)
                .into_iter()
                .find(|number| fits(*number))
        }
    };
    let number = number.and_then(Number::from_f64);
    number
        .map(Value::Number)
        .ok_or_else(|| place.cannot("minimum"))
}

/// Numbers to try, the likeliest first.
fn candidates(likely: f64, bound: &impl Fn(&str) -> Option<f64>, step: f64) -> Vec<f64> {
    let least = bound("minimum").or(bound("exclusiveMinimum"));
    let most = bound("maximum").or(bound("exclusiveMaximum"));
    let middle = match (least, most) {
        (Some(least), Some(most)) => least + (most - least) / 2.0,
        (Some(least), None) => least + 1.0,
        (None, Some(most)) => most - 1.0,
        (None, None) => 0.0,
    };
    let mut numbers = vec![likely, round(middle), middle];
    numbers.extend(least);
    numbers.extend(most);
    if step > 0.0 {
        let near = |number: f64| {
            [
                (number / step).floor(),
                (number / step).ceil(),
                (number / step).ceil() + 1.0,
            ]
        };
        return numbers
            .into_iter()
            .flat_map(near)
            .map(|count| tidy(count * step))
            .collect();
    }
    numbers
}

/// To two digits, as people write numbers.
fn round(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

/// Without the noise of a multiplication: `0.3`, not `0.30000000000000004`.
fn tidy(number: f64) -> f64 {
    format!("{number:.12}").parse().unwrap_or(number)
}

/// What a property of that name usually is.
fn likely(property: &str, words: &mut Words) -> f64 {
    let property = property.to_lowercase();
    let is = |names: &[&str]| names.iter().any(|name| property.contains(name));
    if is(&["year"]) {
        2025.0
    } else if is(&["age"]) {
        36.0
    } else if is(&["score", "percent", "rating"]) {
        85.0
    } else if is(&["port"]) {
        8080.0
    } else {
        (words.count() % 9 + 1) as f64
    }
}

fn whole(value: &Value) -> Option<i128> {
    let exact = value
        .as_i64()
        .map(i128::from)
        .or(value.as_u64().map(i128::from));
    exact.or_else(|| {
        value
            .as_f64()
            .filter(|number| number.fract() == 0.0)
            .map(|number| number as i128)
    })
}

fn ceil(value: &Value) -> Option<i128> {
    whole(value).or_else(|| value.as_f64().map(|number| number.ceil() as i128))
}

fn floor(value: &Value) -> Option<i128> {
    whole(value).or_else(|| value.as_f64().map(|number| number.floor() as i128))
}
