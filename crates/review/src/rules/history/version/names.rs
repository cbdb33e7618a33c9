//! Functions, settings and types with the version that they came with (`pg_proc`, `pg_settings` and
//! `pg_type` of each version).

pub(super) const FUNCTIONS: &[(&str, u32)] = &[
    ("gen_random_uuid", 13),
    ("bit_count", 14),
    ("date_bin", 14),
    ("multirange", 14),
    ("range_agg", 14),
    ("string_to_table", 14),
    ("trim_array", 14),
    ("unistr", 14),
    ("regexp_count", 15),
    ("regexp_instr", 15),
    ("regexp_like", 15),
    ("regexp_substr", 15),
    ("any_value", 16),
    ("array_sample", 16),
    ("array_shuffle", 16),
    ("date_add", 16),
    ("date_subtract", 16),
    ("erf", 16),
    ("erfc", 16),
    ("pg_input_error_info", 16),
    ("pg_input_is_valid", 16),
    ("random_normal", 16),
    ("system_user", 16),
    ("to_bin", 17),
    ("to_oct", 17),
    ("unicode_assigned", 17),
    ("uuid_extract_timestamp", 17),
    ("uuid_extract_version", 17),
    ("xmltext", 17),
    ("array_reverse", 18),
    ("array_sort", 18),
    ("casefold", 18),
    ("crc32", 18),
    ("crc32c", 18),
    ("gamma", 18),
    ("lgamma", 18),
    ("uuidv4", 18),
    ("uuidv7", 18),
];

/// What SQL itself says of JSON, by the name that our tree has for it.
pub(super) const JSON: &[(&str, u32)] = &[
    ("is json", 16),
    ("json_array", 16),
    ("json_arrayagg", 16),
    ("json_object", 16),
    ("json_objectagg", 16),
    ("json", 17),
    ("json_exists", 17),
    ("json_query", 17),
    ("json_scalar", 17),
    ("json_serialize", 17),
    ("json_value", 17),
];

pub(super) const SETTINGS: &[(&str, u32)] = &[
    ("client_connection_check_interval", 14),
    ("compute_query_id", 14),
    ("default_toast_compression", 14),
    ("idle_session_timeout", 14),
    ("recursive_worktable_factor", 15),
    ("createrole_self_grant", 16),
    ("icu_validation_level", 16),
    ("scram_iterations", 16),
    ("vacuum_buffer_usage_limit", 16),
    ("event_triggers", 17),
    ("io_combine_limit", 17),
    ("transaction_timeout", 17),
    ("file_copy_method", 18),
    ("vacuum_truncate", 18),
];

pub(super) fn since(names: &[(&str, u32)], name: &str) -> Option<u32> {
    names.iter().find(|(own, _)| *own == name).map(|(_, since)| *since)
}
