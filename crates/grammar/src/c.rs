//! The parser's functions in C, and whose memory is whose.
//!
//! Source: libpg_query's `src/pg_query_internal.h` and `src/pg_query.c`, in the version that
//! Cargo.toml names exactly.

use std::ffi::{CStr, CString, c_char, c_int, c_void};

use crate::Refused;
use crate::read::{List, Ptr};

// The library with these functions is linked by this crate.
use pg_query as _;

/// `PgQueryError`.
#[repr(C)]
struct Error {
    message: *const c_char,
    _funcname: *const c_char,
    _filename: *const c_char,
    _lineno: c_int,
    /// From one, in characters; nothing is known where it is not above zero.
    cursorpos: c_int,
    _context: *const c_char,
}

/// `PgQueryInternalParsetreeAndError`.
#[repr(C)]
struct Outcome {
    tree: Ptr<List>,
    stderr_buffer: *mut c_void,
    error: *mut Error,
}

unsafe extern "C" {
    fn pg_query_enter_memory_context() -> *mut c_void;
    fn pg_query_exit_memory_context(context: *mut c_void);
    fn pg_query_raw_parse(input: *const c_char, options: c_int) -> Outcome;
    fn pg_query_free_error(error: *mut Error);
    fn free(memory: *mut c_void);
}

/// The memory in which the parser makes its trees: it ends with this.
struct Memory(*mut c_void);

impl Memory {
    fn enter() -> Self {
        // SAFETY: it asks for nothing, and makes what it needs once a thread.
        Self(unsafe { pg_query_enter_memory_context() })
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: this is what `enter` gave, it is given back once, and `parsed` keeps nothing of it.
        unsafe { pg_query_exit_memory_context(self.0) }
    }
}

/// What C made outside of that memory.
struct Owned(Outcome);

impl Drop for Owned {
    fn drop(&mut self) {
        // SAFETY: both are from `malloc`, ours to free, and nobody else's; `free` takes a null.
        unsafe {
            free(self.0.stderr_buffer);
            if !self.0.error.is_null() {
                pg_query_free_error(self.0.error);
            }
        }
    }
}

/// The parser's statements, for as long as they can be looked at.
pub(crate) type Statements = Ptr<List>;

/// Parses the text and looks at its statements.
pub(crate) fn parsed<T>(text: &str, look: impl FnOnce(&Statements) -> T) -> Result<T, Refused> {
    let input = CString::new(text).map_err(|nul| no_text(nul.nul_position()))?;
    let _memory = Memory::enter();
    // SAFETY: the input ends with a NUL and outlives the call; the memory context is entered.
    let outcome = Owned(unsafe { pg_query_raw_parse(input.as_ptr(), 0) });
    // SAFETY: an error that isn't null is a whole one.
    match unsafe { outcome.0.error.as_ref() } {
        Some(error) => Err(refused(text, error)),
        None => Ok(look(&outcome.0.tree)),
    }
}

fn no_text(at: usize) -> Refused {
    let message = format!("a character that no text of the server can hold (NUL, byte {at})");
    Refused { message, at: Some(at) }
}

fn refused(text: &str, error: &Error) -> Refused {
    let message = if error.message.is_null() {
        String::new()
    } else {
        // SAFETY: what isn't null is a text of C, which ends with a NUL.
        unsafe { CStr::from_ptr(error.message) }.to_string_lossy().into_owned()
    };
    let place = usize::try_from(error.cursorpos).ok().and_then(|place| place.checked_sub(1));
    let byte = |place| text.char_indices().nth(place).map_or(text.len(), |(byte, _)| byte);
    Refused { message, at: place.map(byte) }
}
