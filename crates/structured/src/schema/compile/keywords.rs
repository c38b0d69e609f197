//! What each keyword of a schema says.

use serde_json::{Map, Value};

use super::{Compiled, Compiler, Todo, Trouble, join};
use crate::{
    kind::{Kind, Kinds},
    number::Number,
    schema::{
        node::{
            Applies, ArrayRules, Bound, Contains, InPlace, NameId, Node, NodeId, NumberRules,
            ObjectRules, StringRules,
        },
        resolve::Scope,
    },
};

impl<'r> Compiler<'r> {
    /// Reads a schema's keywords.
    pub(super) fn fill(&mut self, todo: &Todo<'r>) -> Compiled<()> {
        let Some(keywords) = todo.schema.as_object() else {
            return Ok(());
        };
        let pointer = self.nodes[todo.id.index()].pointer.clone();
        let mut node = Node::new(pointer);
        let at = At {
            keywords,
            scope: &todo.scope,
            pointer: node.pointer.clone(),
        };
        self.kinds(&mut node, &at)?;
        self.in_place(&mut node, &at)?;
        self.object(&mut node, &at)?;
        self.array(&mut node, &at)?;
        self.string(&mut node, &at)?;
        self.number(&mut node, &at)?;
        if self.is_dynamic
            && (keywords.contains_key("unevaluatedItems")
                || keywords.contains_key("unevaluatedProperties"))
        {
            return Err(Trouble::Whole);
        }
        self.support.residuals(&mut node, keywords)?;
        let no_string = node
            .string
            .as_ref()
            .is_some_and(|rules| is_empty(&rules.set));
        let no_number = node
            .number
            .as_ref()
            .is_some_and(|rules| is_empty(&rules.set));
        for (is_impossible, kind) in [(no_string, Kind::String), (no_number, Kind::Number)] {
            if is_impossible {
                node.own_kinds = node.own_kinds.without(kind);
            }
        }
        node.asserts = node.own_kinds != Kinds::ALL
            || !node.in_place.is_empty()
            || node.object.is_some()
            || node.array.is_some()
            || node.string.is_some()
            || node.number.is_some()
            || !node.residuals.is_empty();
        self.nodes[todo.id.index()] = node;
        Ok(())
    }

    /// `type`, `enum` and `const`.
    fn kinds(&mut self, node: &mut Node, at: &At<'_, 'r>) -> Compiled<()> {
        if let Some(types) = at.keywords.get("type") {
            let mut kinds = Kinds::NONE;
            let mut integer = false;
            let mut number = false;
            for name in one_or_many(types) {
                kinds = kinds.or(match name.as_str() {
                    Some("null") => Kinds::of(Kind::Null),
                    Some("boolean") => Kinds::BOOLEAN,
                    Some("string") => Kinds::of(Kind::String),
                    Some("array") => Kinds::of(Kind::Array),
                    Some("object") => Kinds::of(Kind::Object),
                    Some("number") => {
                        number = true;
                        Kinds::of(Kind::Number)
                    }
                    Some("integer") => {
                        integer = true;
                        Kinds::of(Kind::Number)
                    }
                    _ => return self.refuse(&at.pointer, "`type` must name a JSON type"),
                });
            }
            node.restrict(kinds, "type");
            if integer && !number {
                node.number.get_or_insert_default().integer = true;
            }
        }
        if let Some(values) = at.keywords.get("enum") {
            let Some(values) = values.as_array() else {
                return self.refuse(&at.pointer, "`enum` must be an array");
            };
            self.values(node, values, "enum")?;
        }
        if let Some(value) = at.keywords.get("const") {
            self.values(node, std::slice::from_ref(value), "const")?;
        }
        Ok(())
    }

    /// The value must be one of these.
    fn values(&mut self, node: &mut Node, values: &[Value], keyword: &'static str) -> Compiled<()> {
        let mut kinds = Kinds::NONE;
        let mut strings = Vec::new();
        let mut numbers = Vec::new();
        let mut containers = Kinds::NONE;
        for value in values {
            let kind = match value {
                Value::Null => Kind::Null,
                Value::Bool(true) => Kind::True,
                Value::Bool(false) => Kind::False,
                Value::Number(number) => {
                    numbers.push(Number::of(number));
                    Kind::Number
                }
                Value::String(string) => {
                    strings.push(string.as_str().into());
                    Kind::String
                }
                Value::Array(_) => Kind::Array,
                Value::Object(_) => Kind::Object,
            };
            kinds = kinds.or(Kinds::of(kind));
            if kind.is_container() {
                containers = containers.or(Kinds::of(kind));
            }
        }
        node.restrict(kinds, keyword);
        if !strings.is_empty() {
            let rules = node.string.get_or_insert_default();
            rules.restrict(strings);
            rules.set_keyword = keyword;
        }
        if !numbers.is_empty() {
            let rules = node.number.get_or_insert_default();
            rules.restrict(numbers);
            rules.set_keyword = keyword;
        }
        if containers != Kinds::NONE {
            self.support.values(node, keyword, values, containers)?;
        }
        Ok(())
    }

    /// The schemas that are applied to the same value.
    fn in_place(&mut self, node: &mut Node, at: &At<'_, 'r>) -> Compiled<()> {
        for keyword in ["$ref", "$dynamicRef"] {
            if let Some(reference) = at.keywords.get(keyword) {
                let Some(reference) = reference.as_str() else {
                    return self.refuse(&at.pointer, "a reference must be a string");
                };
                let (schema, scope) = match at.scope.find(reference) {
                    Ok(found) => found,
                    Err(why) => return self.refuse(&at.pointer, why),
                };
                let target = self.node(schema, &scope, reference.to_owned())?;
                node.apply(target, Applies::And);
            }
        }
        for (keyword, applies) in [
            ("allOf", Applies::And),
            ("anyOf", Applies::AnyOf),
            ("oneOf", Applies::OneOf),
        ] {
            if let Some(schemas) = at.keywords.get(keyword) {
                let Some(schemas) = schemas.as_array() else {
                    return self.refuse(&at.pointer, format!("`{keyword}` must be an array"));
                };
                for schema in self.nodes_of(schemas, at, keyword)? {
                    node.apply(schema, applies);
                }
            }
        }
        if let Some(schema) = self.keyword(at, "not")? {
            node.apply(schema, Applies::Not);
        }
        if let Some(test) = self.keyword(at, "if")? {
            let then = self.keyword(at, "then")?;
            let other = self.keyword(at, "else")?;
            if then.is_some() || other.is_some() {
                node.apply(test, Applies::If);
                node.apply(then.unwrap_or(NodeId::TRUE), Applies::Then);
                node.apply(other.unwrap_or(NodeId::TRUE), Applies::Else);
            }
        }
        for (name, schema) in at.members(self, "dependentSchemas")? {
            let place = join(&format!("{}/dependentSchemas", at.pointer), name);
            let schema = self.node(schema, at.scope, place)?;
            let name = self.name(name);
            node.apply(schema, Applies::With(name));
        }
        Ok(())
    }

    fn object(&mut self, node: &mut Node, at: &At<'_, 'r>) -> Compiled<()> {
        const KEYWORDS: [&str; 8] = [
            "properties",
            "patternProperties",
            "additionalProperties",
            "propertyNames",
            "required",
            "dependentRequired",
            "minProperties",
            "maxProperties",
        ];
        if !at.has_any(&KEYWORDS) {
            return Ok(());
        }
        let mut rules = ObjectRules::default();
        for (name, schema) in at.members(self, "properties")? {
            let place = join(&format!("{}/properties", at.pointer), name);
            let schema = self.node(schema, at.scope, place)?;
            rules.properties.push((self.name(name), schema));
        }
        for (pattern, schema) in at.members(self, "patternProperties")? {
            let place = join(&format!("{}/patternProperties", at.pointer), pattern);
            let schema = self.node(schema, at.scope, place)?;
            rules
                .patterns
                .push((self.pattern(pattern, &at.pointer)?, schema));
        }
        if let Some(schema) = self.keyword(at, "additionalProperties")? {
            rules.additional = schema;
        }
        rules.names = self.keyword(at, "propertyNames")?;
        rules.required = self.name_list(at, at.keywords.get("required"))?;
        for (name, names) in at.members(self, "dependentRequired")? {
            let names = self.name_list(at, Some(names))?;
            rules.dependent.push((self.name(name), names));
        }
        rules.min = self.count(at, "minProperties")?.unwrap_or(0);
        rules.max = self.count(at, "maxProperties")?.unwrap_or(u64::MAX);
        if rules.is_closed() && rules.properties.is_empty() {
            rules.max = 0;
            rules.max_keyword = "additionalProperties";
        }
        node.object = Some(Box::new(rules));
        Ok(())
    }

    fn array(&mut self, node: &mut Node, at: &At<'_, 'r>) -> Compiled<()> {
        const KEYWORDS: [&str; 5] = ["prefixItems", "items", "contains", "minItems", "maxItems"];
        if !at.has_any(&KEYWORDS) {
            return Ok(());
        }
        let mut rules = ArrayRules::default();
        if let Some(schemas) = at.keywords.get("prefixItems") {
            let Some(schemas) = schemas.as_array() else {
                return self.refuse(&at.pointer, "`prefixItems` must be an array");
            };
            rules.prefix = self.nodes_of(schemas, at, "prefixItems")?;
        }
        rules.items = self.keyword(at, "items")?.unwrap_or(NodeId::TRUE);
        if let Some(contained) = self.keyword(at, "contains")? {
            rules.contains = Some(Contains {
                node: contained,
                min: self.count(at, "minContains")?.unwrap_or(1),
                max: self.count(at, "maxContains")?.unwrap_or(u64::MAX),
            });
        }
        rules.min = self.count(at, "minItems")?.unwrap_or(0);
        rules.max = self.count(at, "maxItems")?.unwrap_or(u64::MAX);
        if rules.items == NodeId::FALSE && (rules.prefix.len() as u64) < rules.max {
            rules.max = rules.prefix.len() as u64;
            rules.max_keyword = "items";
        }
        node.array = Some(Box::new(rules));
        Ok(())
    }

    fn string(&mut self, node: &mut Node, at: &At<'_, 'r>) -> Compiled<()> {
        let min = self.count(at, "minLength")?;
        let max = self.count(at, "maxLength")?;
        if min.is_some() || max.is_some() {
            let rules = node.string.get_or_insert_default();
            rules.min = min.unwrap_or(0);
            rules.max = max.unwrap_or(u64::MAX);
        }
        if let Some(pattern) = at.keywords.get("pattern") {
            let Some(pattern) = pattern.as_str() else {
                return self.refuse(&at.pointer, "`pattern` must be a string");
            };
            let pattern = self.pattern(pattern, &at.pointer)?;
            let rules: &mut StringRules = node.string.get_or_insert_default();
            rules.patterns.push(pattern);
        }
        Ok(())
    }

    fn number(&mut self, node: &mut Node, at: &At<'_, 'r>) -> Compiled<()> {
        for (keyword, bound) in [
            ("minimum", Bound::Minimum),
            ("maximum", Bound::Maximum),
            ("exclusiveMinimum", Bound::ExclusiveMinimum),
            ("exclusiveMaximum", Bound::ExclusiveMaximum),
        ] {
            match at.keywords.get(keyword) {
                None => {}
                Some(Value::Number(limit)) => {
                    let rules: &mut NumberRules = node.number.get_or_insert_default();
                    rules.bounds.push((bound, Number::of(limit)));
                }
                Some(_) => {
                    return self.refuse(&at.pointer, format!("`{keyword}` must be a number"));
                }
            }
        }
        Ok(())
    }

    /// The node of a keyword whose value is a schema.
    fn keyword(&mut self, at: &At<'_, 'r>, keyword: &str) -> Compiled<Option<NodeId>> {
        let place = format!("{}/{keyword}", at.pointer);
        at.keywords
            .get(keyword)
            .map(|schema| self.node(schema, at.scope, place))
            .transpose()
    }

    /// The nodes of a keyword whose value is a list of schemas.
    fn nodes_of(
        &mut self,
        schemas: &'r [Value],
        at: &At<'_, 'r>,
        keyword: &str,
    ) -> Compiled<Vec<NodeId>> {
        let place = |index| format!("{}/{keyword}/{index}", at.pointer);
        let schemas = schemas.iter().enumerate();
        schemas
            .map(|(index, schema)| self.node(schema, at.scope, place(index)))
            .collect()
    }

    /// A number that isn't negative.
    fn count(&self, at: &At<'_, 'r>, keyword: &str) -> Compiled<Option<u64>> {
        let Some(value) = at.keywords.get(keyword) else {
            return Ok(None);
        };
        let whole = |float: &f64| *float >= 0.0 && float.fract() == 0.0;
        // A float beyond the range becomes the largest number, which is as good.
        let count = value
            .as_u64()
            .or_else(|| value.as_f64().filter(whole).map(|float| float as u64));
        match count {
            Some(count) => Ok(Some(count)),
            None => self.refuse(
                &at.pointer,
                format!("`{keyword}` must be a number that isn't negative"),
            ),
        }
    }

    fn name_list(&mut self, at: &At<'_, 'r>, names: Option<&Value>) -> Compiled<Vec<NameId>> {
        let mut ids = Vec::new();
        for name in names.and_then(Value::as_array).into_iter().flatten() {
            let Some(name) = name.as_str() else {
                return self.refuse(&at.pointer, "a property's name must be a string");
            };
            ids.push(self.name(name));
        }
        Ok(ids)
    }
}

/// The schema that is being read.
struct At<'a, 'r> {
    keywords: &'r Map<String, Value>,
    scope: &'a Scope<'r>,
    pointer: String,
}

impl<'r> At<'_, 'r> {
    fn has_any(&self, keywords: &[&str]) -> bool {
        keywords
            .iter()
            .any(|keyword| self.keywords.contains_key(*keyword))
    }

    /// The members of a keyword whose value is an object.
    fn members(
        &self,
        compiler: &Compiler<'r>,
        keyword: &str,
    ) -> Compiled<Vec<(&'r String, &'r Value)>> {
        match self.keywords.get(keyword) {
            None => Ok(Vec::new()),
            Some(Value::Object(members)) => Ok(members.iter().collect()),
            Some(_) => compiler.refuse(&self.pointer, format!("`{keyword}` must be an object")),
        }
    }
}

impl Node {
    fn apply(&mut self, node: NodeId, applies: Applies) {
        self.in_place.push(InPlace { node, applies });
    }
}

impl StringRules {
    fn restrict(&mut self, mut strings: Vec<Box<str>>) {
        if let Some(before) = &self.set {
            strings.retain(|string| before.contains(string));
        }
        strings.sort_unstable();
        strings.dedup();
        self.set = Some(strings);
    }
}

impl NumberRules {
    fn restrict(&mut self, mut numbers: Vec<Number>) {
        if let Some(before) = &self.set {
            let same = |one: Number, other: &Number| {
                one.compare(*other) == Some(std::cmp::Ordering::Equal)
            };
            numbers.retain(|number| before.iter().any(|other| same(*number, other)));
        }
        self.set = Some(numbers);
    }
}

fn one_or_many(value: &Value) -> &[Value] {
    match value {
        Value::Array(values) => values,
        one => std::slice::from_ref(one),
    }
}

/// Whether `enum` and `const` leave nothing.
fn is_empty<T>(set: &Option<Vec<T>>) -> bool {
    set.as_ref().is_some_and(Vec::is_empty)
}
