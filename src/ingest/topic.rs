//! Topics: patterns of levels, and the subscriptions they imply.

/// The most placeholders a topic may have.
const CAPTURES: usize = 16;

/// Names that templates use for other things.
const RESERVED: [&str; 6] = ["payload", "element", "key", "index", "topic", "now_us"];

/// A compiled topic pattern: levels from the front, perhaps `{x..}`, then levels up to the end.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    front: Box<[Level]>,
    many: Option<usize>,
    back: Box<[Level]>,
    names: Box<[Box<str>]>,
}

#[derive(Clone, Debug)]
enum Level {
    Literal(Box<str>),
    One(usize),
}

/// Where the placeholders' texts are in a topic.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Captures([(usize, usize); CAPTURES]);

impl Captures {
    /// The text of a placeholder.
    pub(super) fn get<'t>(&self, topic: &'t str, index: usize) -> &'t str {
        self.0.get(index).and_then(|&(start, end)| topic.get(start..end)).unwrap_or("")
    }

    fn set(&mut self, index: usize, start: usize, end: usize) {
        if let Some(slot) = self.0.get_mut(index) {
            *slot = (start, end);
        }
    }
}

/// Why a text is no topic pattern: the problem and the remedy.
pub(super) type Problem = (String, &'static str);

impl Pattern {
    /// Compiles a pattern.
    pub(super) fn parse(text: &str) -> Result<Pattern, Problem> {
        if text.is_empty() {
            return Err(("it is empty".into(), "write a topic such as \"sensors/{device}\""));
        }
        let mut names: Vec<Box<str>> = Vec::new();
        let (mut front, mut back, mut many) = (Vec::new(), Vec::new(), None);
        for level in text.split('/') {
            let level = match placeholder(level)? {
                None => Level::Literal(literal(level)?),
                Some((name, is_many)) => {
                    add_name(&mut names, name)?;
                    let index = names.len() - 1;
                    if is_many && many.replace(index).is_some() {
                        return Err((
                            "two placeholders with ..".into(),
                            "only one may stand for several levels",
                        ));
                    }
                    if is_many {
                        continue;
                    }
                    Level::One(index)
                }
            };
            if many.is_some() { back.push(level) } else { front.push(level) }
        }
        Ok(Pattern { front: front.into(), many, back: back.into(), names: names.into() })
    }

    /// The index of a placeholder.
    pub(super) fn capture(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|n| **n == *name)
    }

    /// The placeholders' names.
    #[cfg(test)]
    fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(|name| &**name)
    }

    /// Whether the topic matches; then the captures are set.
    pub(super) fn matches(&self, topic: &str, captures: &mut Captures) -> bool {
        // MQTT's own wildcards leave topics of the server's alone (MQTT 3.1.1, 4.7.2).
        if topic.starts_with('$') && !matches!(self.front.first(), Some(Level::Literal(_))) {
            return false;
        }
        let bytes = topic.as_bytes();
        // Where the next level begins; `None` after the last one.
        let mut at = Some(0);
        for level in &self.front {
            let Some(start) = at else { return false };
            let Some(end) = level.matches_front(bytes, start, captures) else { return false };
            at = (end < bytes.len()).then_some(end + 1);
        }
        let Some(many) = self.many else { return at.is_none() };
        let Some(start) = at else { return false };
        let mut end = bytes.len();
        for level in self.back.iter().rev() {
            let Some(slash) = bytes.get(start..end).and_then(|rest| rest.iter().rposition(|b| *b == b'/'))
            else {
                return false;
            };
            let slash = start + slash;
            if !level.matches_whole(bytes, slash + 1, end, captures) {
                return false;
            }
            end = slash;
        }
        captures.set(many, start, end);
        true
    }

    /// The MQTT filter that covers the pattern; it may cover more, which is filtered here.
    pub(super) fn filter(&self) -> String {
        let mut levels: Vec<&str> = self.front.iter().map(Level::filter).collect();
        if self.many.is_some() {
            levels.push("#");
        }
        levels.join("/")
    }
}

impl Level {
    /// Where the level that begins at `start` ends, if it matches.
    fn matches_front(&self, topic: &[u8], start: usize, captures: &mut Captures) -> Option<usize> {
        let rest = topic.get(start..)?;
        match self {
            Level::Literal(text) => {
                let after = rest.strip_prefix(text.as_bytes())?;
                matches!(after.first(), None | Some(b'/')).then_some(start + text.len())
            }
            Level::One(index) => {
                let end = start + rest.iter().position(|b| *b == b'/').unwrap_or(rest.len());
                captures.set(*index, start, end);
                Some(end)
            }
        }
    }

    fn matches_whole(&self, topic: &[u8], start: usize, end: usize, captures: &mut Captures) -> bool {
        match self {
            Level::Literal(text) => topic.get(start..end) == Some(text.as_bytes()),
            Level::One(index) => {
                captures.set(*index, start, end);
                true
            }
        }
    }

    fn filter(&self) -> &str {
        match self {
            Level::Literal(text) => text,
            Level::One(_) => "+",
        }
    }
}

/// A level's placeholder and whether it stands for many levels; `None` for a literal level.
fn placeholder(level: &str) -> Result<Option<(&str, bool)>, Problem> {
    if !level.starts_with('{') || level.starts_with("{{") {
        return Ok(None);
    }
    let Some(inner) = level.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else {
        return Err((format!("the level {level}"), "a placeholder is a whole level: {name} or {name..}"));
    };
    Ok(Some(match inner.strip_suffix("..") {
        Some(name) => (name, true),
        None => (inner, false),
    }))
}

fn literal(level: &str) -> Result<Box<str>, Problem> {
    if level.contains(['+', '#']) {
        return Err((format!("the level {level}"), "write {name} instead of +, and {name..} instead of #"));
    }
    let text = level.replace("{{", "\0");
    if text.contains('{') {
        return Err((format!("the level {level}"), "a placeholder is a whole level: {name}; {{ is a brace"));
    }
    Ok(text.replace('\0', "{").into())
}

fn add_name(names: &mut Vec<Box<str>>, name: &str) -> Result<(), Problem> {
    if !is_name(name) {
        let remedy = "names are of letters, digits, _ and -, and begin with a letter or _";
        return Err((format!("the placeholder {{{name}}}"), remedy));
    }
    if RESERVED.contains(&name) {
        return Err((format!("the placeholder {{{name}}} has a meaning of its own"), "choose another name"));
    }
    if names.iter().any(|n| **n == *name) {
        return Err((format!("the placeholder {{{name}}} is there twice"), "give each its own name"));
    }
    if names.len() == CAPTURES {
        return Err(("too many placeholders".into(), "16 are enough; write {rest..} for the others"));
    }
    names.push(name.into());
    Ok(())
}

pub(super) fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

/// Whether a text is a topic filter (MQTT 3.1.1, section 4.7).
pub(super) fn check_filter(filter: &str) -> Result<(), Problem> {
    if filter.is_empty() || filter.len() > usize::from(u16::MAX) || filter.contains('\0') {
        return Err((format!("{filter:?} is no topic filter"), "write a filter such as \"sensors/#\""));
    }
    let mut levels = filter.split('/').rev();
    let wrong = |level: &str, last| level != "+" && !(last && level == "#") && level.contains(['+', '#']);
    if levels.next().is_some_and(|level| wrong(level, true)) || levels.any(|level| wrong(level, false)) {
        return Err((
            format!("{filter:?} is no topic filter"),
            "+ stands for one whole level, # for all levels at the end",
        ));
    }
    Ok(())
}

/// The filters without those that others cover: brokers may deliver twice where subscriptions overlap.
pub(super) fn without_covered(filters: Vec<String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for filter in filters {
        if kept.iter().any(|other| covers(other, &filter)) {
            continue;
        }
        kept.retain(|other| !covers(&filter, other));
        kept.push(filter);
    }
    kept
}

/// Whether every topic that `b` matches is matched by `a`.
fn covers(a: &str, b: &str) -> bool {
    if b.starts_with('$') && a.starts_with(['+', '#']) {
        return false;
    }
    let (mut a, mut b) = (a.split('/'), b.split('/'));
    loop {
        match (a.next(), b.next()) {
            (Some("#"), _) | (None, None) => return true,
            (Some("+"), Some(level)) if level != "#" => {}
            (Some(a), Some(b)) if a == b => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests;
