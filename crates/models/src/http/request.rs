//! What requests of all APIs have in common.

use mainstem_core::{
    Error, ErrorKind, MediaPart, MediaSource, ModelRequest, ModelSettings, Result,
};
use serde_json::{Map, Value};

use super::Body;
use crate::output::Held;

impl Body {
    /// The body of these fields, with those of the settings that have one name everywhere.
    pub(crate) fn of(
        mut fields: Map<String, Value>,
        request: &ModelRequest,
        held: &Held,
    ) -> Result<Self> {
        let settings = &request.settings;
        set_numbers(&mut fields, settings);
        fields.extend(settings.extra_body.clone());
        Ok(Self {
            json: serde_json::to_vec(&fields).map_err(unwritable)?,
            wrapped: held.wrapped,
            output_tool: held.output_tool,
        })
    }
}

/// Not by way of the wire's own type, `f32`, which would make 0.7 something else.
fn set_numbers(fields: &mut Map<String, Value>, settings: &ModelSettings) {
    let numbers = [
        ("temperature", settings.temperature),
        ("top_p", settings.top_p),
    ];
    for (name, number) in numbers {
        fields.extend(number.map(|number| (name.to_owned(), number.into())));
    }
}

pub(crate) fn unwritable(error: serde_json::Error) -> Error {
    Error::new(ErrorKind::Value, "the request can't be written as JSON").with_source(error)
}

/// The URL that a medium's bytes are, where they are here.
pub(crate) fn data_url(media: &MediaPart, data: &str, default: &str) -> String {
    let media_type = media.media_type.as_deref().unwrap_or(default);
    format!("data:{media_type};base64,{data}")
}

/// The formats of sound that models take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sound {
    Wav,
    Mp3,
}

impl Sound {
    /// The format of a sound, and its data; else what about it can't be sent.
    pub(crate) fn of(audio: &MediaPart) -> Result<(Self, &str), &'static str> {
        let MediaSource::Base64(data) = &audio.source else {
            return Err("sound that isn't given as base64");
        };
        match audio.media_type.as_deref() {
            Some("audio/wav" | "audio/x-wav" | "audio/wave") => Ok((Self::Wav, data)),
            Some("audio/mpeg" | "audio/mp3") | None => Ok((Self::Mp3, data)),
            Some(_) => Err("sound that is neither WAV nor MP3"),
        }
    }
}
