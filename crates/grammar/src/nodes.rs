//! The table of all nodes that the grammar makes: tag, the name in `Node`, the name of the message, and
//! its members as they stand in C, each under protobuf's name. What stands behind a bar is in C alone.
//!
//! Source: `nodes/parsenodes.h`, `nodes/primnodes.h` and `nodes/nodetags.h` of PostgreSQL 18, as
//! libpg_query has them, and its `pg_query_outfuncs_defs.c` for which members go where.

#![expect(clippy::struct_field_names, reason = "they are PostgreSQL's")]

use pg_query::protobuf::node::Node as Kind;
use pg_query::protobuf::{self, Node};

use crate::read::{
    A_CONST, AConst, Any, Char, Enum, LIST, List, ParameterMode, Ptr, Read, Reader, Strategy, Text, Unmade,
};

macro_rules! nodes {
    ($($tag:literal $variant:ident $name:ident {
        $($member:ident: $of:ty $(| $left:ident: $left_of:ty)?),* $(,)?
    })*) => {
        $(
            #[repr(C)]
            struct $name {
                _tag: u32,
                $($member: $of, $($left: $left_of,)?)*
            }

            impl Read<$name> for protobuf::$name {
                unsafe fn read(c: *const $name, reader: &mut Reader) -> Self {
                    let mut message = Self::default();
                    // SAFETY: a member of a whole value is whole.
                    $(message.$member = unsafe { Read::read(&raw const (*c).$member, reader) };)*
                    message
                }
            }
        )*

        /// All names, for the test that meets each.
        #[cfg(test)]
        pub(crate) const NAMES: &[&str] = &[$(stringify!($name)),*];

        impl Read<Any> for Node {
            unsafe fn read(c: *const Any, reader: &mut Reader) -> Self {
                // SAFETY: every node begins with its tag.
                let tag = unsafe { (*c).tag };
                // SAFETY: the tag says what stands there.
                let kind = |reader: &mut Reader| unsafe {
                    Some(match tag {
                        $($tag => Kind::$variant(Read::read(c.cast::<$name>(), reader)),)*
                        A_CONST => Kind::AConst(Read::read(c.cast::<AConst>(), reader)),
                        FOREIGN_TABLE => {
                            Kind::CreateForeignTableStmt(Read::read(c.cast::<ForeignTable>(), reader))
                        }
                        A_STAR => Kind::AStar(protobuf::AStar {}),
                        CHECKPOINT => Kind::CheckPointStmt(protobuf::CheckPointStmt {}),
                        LIST => Kind::List(Read::read(c.cast::<List>(), reader)),
                        _ => return reader.unknown(),
                    })
                };
                Self { node: reader.deeper(kind) }
            }
        }
    };
}

/// `T_A_Star`, which has no members.
const A_STAR: u32 = 77;

/// `T_CheckPointStmt`, which has none either.
const CHECKPOINT: u32 = 244;

/// `T_CreateForeignTableStmt`.
const FOREIGN_TABLE: u32 = 173;

/// `CreateForeignTableStmt`: it begins with a whole `CreateStmt`, whose tag is its own.
#[repr(C)]
struct ForeignTable {
    table: CreateStmt,
    servername: Text,
    options: Ptr<List>,
}

impl Read<ForeignTable> for protobuf::CreateForeignTableStmt {
    unsafe fn read(c: *const ForeignTable, reader: &mut Reader) -> Self {
        // SAFETY: the members of a whole value are whole.
        unsafe {
            Self {
                base_stmt: reader.deeper(|reader| Some(Read::read(&raw const (*c).table, reader))),
                servername: Read::read(&raw const (*c).servername, reader),
                options: Read::read(&raw const (*c).options, reader),
            }
        }
    }
}

nodes! {
    2 Alias Alias { aliasname: Text, colnames: Ptr<List> }
    3 RangeVar RangeVar {
        catalogname: Text, schemaname: Text, relname: Text, inh: bool, relpersistence: Char,
        alias: Ptr<Alias>, location: i32,
    }
    5 IntoClause IntoClause {
        rel: Ptr<RangeVar>, col_names: Ptr<List>, access_method: Text, options: Ptr<List>, on_commit: Enum,
        table_space_name: Text, view_query: Unmade, skip_data: bool,
    }
    10 GroupingFunc GroupingFunc {
        args: Ptr<List>, refs: Ptr<List> | cols: Ptr<List>, agglevelsup: u32, location: i32,
    }
    13 MergeSupportFunc MergeSupportFunc { msftype: u32, msfcollid: u32, location: i32 }
    16 NamedArgExpr NamedArgExpr { arg: Ptr<Any>, name: Text, argnumber: i32, location: i32 }
    21 BoolExpr BoolExpr { boolop: Enum, args: Ptr<List>, location: i32 }
    22 SubLink SubLink {
        sub_link_type: Enum, sub_link_id: i32, testexpr: Ptr<Any>, oper_name: Ptr<List>,
        subselect: Ptr<Any>, location: i32,
    }
    32 CaseExpr CaseExpr {
        casetype: u32, casecollid: u32, arg: Ptr<Any>, args: Ptr<List>, defresult: Ptr<Any>,
        location: i32,
    }
    33 CaseWhen CaseWhen { expr: Ptr<Any>, result: Ptr<Any>, location: i32 }
    36 RowExpr RowExpr {
        args: Ptr<List>, row_typeid: u32, row_format: Enum, colnames: Ptr<List>, location: i32,
    }
    38 CoalesceExpr CoalesceExpr { coalescetype: u32, coalescecollid: u32, args: Ptr<List>, location: i32 }
    39 MinMaxExpr MinMaxExpr {
        minmaxtype: u32, minmaxcollid: u32, inputcollid: u32, op: Enum, args: Ptr<List>, location: i32,
    }
    40 SqlvalueFunction SqlValueFunction { op: Enum, r#type: u32, typmod: i32, location: i32 }
    41 XmlExpr XmlExpr {
        op: Enum, name: Text, named_args: Ptr<List>, arg_names: Ptr<List>, args: Ptr<List>, xmloption: Enum,
        indent: bool, r#type: u32, typmod: i32, location: i32,
    }
    42 JsonFormat JsonFormat { format_type: Enum, encoding: Enum, location: i32 }
    43 JsonReturning JsonReturning { format: Ptr<JsonFormat>, typid: u32, typmod: i32 }
    44 JsonValueExpr JsonValueExpr { raw_expr: Ptr<Any>, formatted_expr: Ptr<Any>, format: Ptr<JsonFormat> }
    46 JsonIsPredicate JsonIsPredicate {
        expr: Ptr<Any>, format: Ptr<JsonFormat>, item_type: Enum, unique_keys: bool, location: i32,
    }
    47 JsonBehavior JsonBehavior { btype: Enum, expr: Ptr<Any>, coerce: bool, location: i32 }
    52 NullTest NullTest { arg: Ptr<Any>, nulltesttype: Enum, argisrow: bool, location: i32 }
    53 BooleanTest BooleanTest { arg: Ptr<Any>, booltesttype: Enum, location: i32 }
    57 SetToDefault SetToDefault { type_id: u32, type_mod: i32, collation: u32, location: i32 }
    58 CurrentOfExpr CurrentOfExpr { cvarno: u32, cursor_name: Text, cursor_param: i32 }
    64 JoinExpr JoinExpr {
        jointype: Enum, is_natural: bool, larg: Ptr<Any>, rarg: Ptr<Any>, using_clause: Ptr<List>,
        join_using_alias: Ptr<Alias>, quals: Ptr<Any>, alias: Ptr<Alias>, rtindex: i32,
    }
    68 TypeName TypeName {
        names: Ptr<List>, type_oid: u32, setof: bool, pct_type: bool, typmods: Ptr<List>, typemod: i32,
        array_bounds: Ptr<List>, location: i32,
    }
    69 ColumnRef ColumnRef { fields: Ptr<List>, location: i32 }
    70 ParamRef ParamRef { number: i32, location: i32 }
    71 AExpr AExpr {
        kind: Enum, name: Ptr<List>, lexpr: Ptr<Any>, rexpr: Ptr<Any>, rexpr_list_start: i32,
        rexpr_list_end: i32, location: i32,
    }
    73 TypeCast TypeCast { arg: Ptr<Any>, type_name: Ptr<TypeName>, location: i32 }
    74 CollateClause CollateClause { arg: Ptr<Any>, collname: Ptr<List>, location: i32 }
    75 RoleSpec RoleSpec { roletype: Enum, rolename: Text, location: i32 }
    76 FuncCall FuncCall {
        funcname: Ptr<List>, args: Ptr<List>, agg_order: Ptr<List>, agg_filter: Ptr<Any>,
        over: Ptr<WindowDef>, agg_within_group: bool, agg_star: bool, agg_distinct: bool,
        func_variadic: bool, funcformat: Enum, location: i32,
    }
    78 AIndices AIndices { is_slice: bool, lidx: Ptr<Any>, uidx: Ptr<Any> }
    79 AIndirection AIndirection { arg: Ptr<Any>, indirection: Ptr<List> }
    80 AArrayExpr AArrayExpr { elements: Ptr<List>, list_start: i32, list_end: i32, location: i32 }
    81 ResTarget ResTarget { name: Text, indirection: Ptr<List>, val: Ptr<Any>, location: i32 }
    82 MultiAssignRef MultiAssignRef { source: Ptr<Any>, colno: i32, ncolumns: i32 }
    83 SortBy SortBy {
        node: Ptr<Any>, sortby_dir: Enum, sortby_nulls: Enum, use_op: Ptr<List>, location: i32,
    }
    84 WindowDef WindowDef {
        name: Text, refname: Text, partition_clause: Ptr<List>, order_clause: Ptr<List>, frame_options: i32,
        start_offset: Ptr<Any>, end_offset: Ptr<Any>, location: i32,
    }
    85 RangeSubselect RangeSubselect { lateral: bool, subquery: Ptr<Any>, alias: Ptr<Alias> }
    86 RangeFunction RangeFunction {
        lateral: bool, ordinality: bool, is_rowsfrom: bool, functions: Ptr<List>, alias: Ptr<Alias>,
        coldeflist: Ptr<List>,
    }
    87 RangeTableFunc RangeTableFunc {
        lateral: bool, docexpr: Ptr<Any>, rowexpr: Ptr<Any>, namespaces: Ptr<List>, columns: Ptr<List>,
        alias: Ptr<Alias>, location: i32,
    }
    88 RangeTableFuncCol RangeTableFuncCol {
        colname: Text, type_name: Ptr<TypeName>, for_ordinality: bool, is_not_null: bool,
        colexpr: Ptr<Any>, coldefexpr: Ptr<Any>, location: i32,
    }
    89 RangeTableSample RangeTableSample {
        relation: Ptr<Any>, method: Ptr<List>, args: Ptr<List>, repeatable: Ptr<Any>, location: i32,
    }
    90 ColumnDef ColumnDef {
        colname: Text, type_name: Ptr<TypeName>, compression: Text, inhcount: i16, is_local: bool,
        is_not_null: bool, is_from_type: bool, storage: Char, storage_name: Text, raw_default: Ptr<Any>,
        cooked_default: Ptr<Any>, identity: Char, identity_sequence: Ptr<RangeVar>, generated: Char,
        coll_clause: Ptr<CollateClause>, coll_oid: u32, constraints: Ptr<List>, fdwoptions: Ptr<List>,
        location: i32,
    }
    91 TableLikeClause TableLikeClause { relation: Ptr<RangeVar>, options: u32, relation_oid: u32 }
    92 IndexElem IndexElem {
        name: Text, expr: Ptr<Any>, indexcolname: Text, collation: Ptr<List>, opclass: Ptr<List>,
        opclassopts: Ptr<List>, ordering: Enum, nulls_ordering: Enum,
    }
    93 DefElem DefElem {
        defnamespace: Text, defname: Text, arg: Ptr<Any>, defaction: Enum, location: i32,
        arg_location: i32,
    }
    94 LockingClause LockingClause { locked_rels: Ptr<List>, strength: Enum, wait_policy: Enum }
    95 XmlSerialize XmlSerialize {
        xmloption: Enum, expr: Ptr<Any>, type_name: Ptr<TypeName>, indent: bool, location: i32,
    }
    96 PartitionElem PartitionElem {
        name: Text, expr: Ptr<Any>, collation: Ptr<List>, opclass: Ptr<List>, location: i32,
    }
    97 PartitionSpec PartitionSpec { strategy: Strategy, part_params: Ptr<List>, location: i32 }
    98 PartitionBoundSpec PartitionBoundSpec {
        strategy: Char, is_default: bool, modulus: i32, remainder: i32, listdatums: Ptr<List>,
        lowerdatums: Ptr<List>, upperdatums: Ptr<List>, location: i32,
    }
    100 PartitionCmd PartitionCmd { name: Ptr<RangeVar>, bound: Ptr<PartitionBoundSpec>, concurrent: bool }
    107 GroupingSet GroupingSet { kind: Enum, content: Ptr<List>, location: i32 }
    110 WithClause WithClause { ctes: Ptr<List>, recursive: bool, location: i32 }
    111 InferClause InferClause {
        index_elems: Ptr<List>, where_clause: Ptr<Any>, conname: Text, location: i32,
    }
    112 OnConflictClause OnConflictClause {
        action: Enum, infer: Ptr<InferClause>, target_list: Ptr<List>, where_clause: Ptr<Any>,
        location: i32,
    }
    113 CtesearchClause CteSearchClause {
        search_col_list: Ptr<List>, search_breadth_first: bool, search_seq_column: Text, location: i32,
    }
    114 CtecycleClause CteCycleClause {
        cycle_col_list: Ptr<List>, cycle_mark_column: Text, cycle_mark_value: Ptr<Any>,
        cycle_mark_default: Ptr<Any>, cycle_path_column: Text, location: i32, cycle_mark_type: u32,
        cycle_mark_typmod: i32, cycle_mark_collation: u32, cycle_mark_neop: u32,
    }
    115 CommonTableExpr CommonTableExpr {
        ctename: Text, aliascolnames: Ptr<List>, ctematerialized: Enum, ctequery: Ptr<Any>,
        search_clause: Ptr<CteSearchClause>, cycle_clause: Ptr<CteCycleClause>, location: i32,
        cterecursive: bool, cterefcount: i32, ctecolnames: Ptr<List>, ctecoltypes: Ptr<List>,
        ctecoltypmods: Ptr<List>, ctecolcollations: Ptr<List>,
    }
    116 MergeWhenClause MergeWhenClause {
        match_kind: Enum, command_type: Enum, r#override: Enum, condition: Ptr<Any>,
        target_list: Ptr<List>, values: Ptr<List>,
    }
    117 ReturningOption ReturningOption { option: Enum, value: Text, location: i32 }
    118 ReturningClause ReturningClause { options: Ptr<List>, exprs: Ptr<List> }
    119 TriggerTransition TriggerTransition { name: Text, is_new: bool, is_table: bool }
    120 JsonOutput JsonOutput { type_name: Ptr<TypeName>, returning: Ptr<JsonReturning> }
    121 JsonArgument JsonArgument { val: Ptr<JsonValueExpr>, name: Text }
    122 JsonFuncExpr JsonFuncExpr {
        op: Enum, column_name: Text, context_item: Ptr<JsonValueExpr>, pathspec: Ptr<Any>,
        passing: Ptr<List>, output: Ptr<JsonOutput>, on_empty: Ptr<JsonBehavior>,
        on_error: Ptr<JsonBehavior>, wrapper: Enum, quotes: Enum, location: i32,
    }
    123 JsonTablePathSpec JsonTablePathSpec {
        string: Ptr<Any>, name: Text, name_location: i32, location: i32,
    }
    124 JsonTable JsonTable {
        context_item: Ptr<JsonValueExpr>, pathspec: Ptr<JsonTablePathSpec>, passing: Ptr<List>,
        columns: Ptr<List>, on_error: Ptr<JsonBehavior>, alias: Ptr<Alias>, lateral: bool, location: i32,
    }
    125 JsonTableColumn JsonTableColumn {
        coltype: Enum, name: Text, type_name: Ptr<TypeName>, pathspec: Ptr<JsonTablePathSpec>,
        format: Ptr<JsonFormat>, wrapper: Enum, quotes: Enum, columns: Ptr<List>,
        on_empty: Ptr<JsonBehavior>, on_error: Ptr<JsonBehavior>, location: i32,
    }
    126 JsonKeyValue JsonKeyValue { key: Ptr<Any>, value: Ptr<JsonValueExpr> }
    127 JsonParseExpr JsonParseExpr {
        expr: Ptr<JsonValueExpr>, output: Ptr<JsonOutput>, unique_keys: bool, location: i32,
    }
    128 JsonScalarExpr JsonScalarExpr { expr: Ptr<Any>, output: Ptr<JsonOutput>, location: i32 }
    129 JsonSerializeExpr JsonSerializeExpr {
        expr: Ptr<JsonValueExpr>, output: Ptr<JsonOutput>, location: i32,
    }
    130 JsonObjectConstructor JsonObjectConstructor {
        exprs: Ptr<List>, output: Ptr<JsonOutput>, absent_on_null: bool, unique: bool, location: i32,
    }
    131 JsonArrayConstructor JsonArrayConstructor {
        exprs: Ptr<List>, output: Ptr<JsonOutput>, absent_on_null: bool, location: i32,
    }
    132 JsonArrayQueryConstructor JsonArrayQueryConstructor {
        query: Ptr<Any>, output: Ptr<JsonOutput>, format: Ptr<JsonFormat>, absent_on_null: bool,
        location: i32,
    }
    133 JsonAggConstructor JsonAggConstructor {
        output: Ptr<JsonOutput>, agg_filter: Ptr<Any>, agg_order: Ptr<List>, over: Ptr<WindowDef>,
        location: i32,
    }
    134 JsonObjectAgg JsonObjectAgg {
        constructor: Ptr<JsonAggConstructor>, arg: Ptr<JsonKeyValue>, absent_on_null: bool, unique: bool,
    }
    135 JsonArrayAgg JsonArrayAgg {
        constructor: Ptr<JsonAggConstructor>, arg: Ptr<JsonValueExpr>, absent_on_null: bool,
    }
    136 RawStmt RawStmt { stmt: Ptr<Any>, stmt_location: i32, stmt_len: i32 }
    137 InsertStmt InsertStmt {
        relation: Ptr<RangeVar>, cols: Ptr<List>, select_stmt: Ptr<Any>,
        on_conflict_clause: Ptr<OnConflictClause>, returning_clause: Ptr<ReturningClause>,
        with_clause: Ptr<WithClause>, r#override: Enum,
    }
    138 DeleteStmt DeleteStmt {
        relation: Ptr<RangeVar>, using_clause: Ptr<List>, where_clause: Ptr<Any>,
        returning_clause: Ptr<ReturningClause>, with_clause: Ptr<WithClause>,
    }
    139 UpdateStmt UpdateStmt {
        relation: Ptr<RangeVar>, target_list: Ptr<List>, where_clause: Ptr<Any>, from_clause: Ptr<List>,
        returning_clause: Ptr<ReturningClause>, with_clause: Ptr<WithClause>,
    }
    140 MergeStmt MergeStmt {
        relation: Ptr<RangeVar>, source_relation: Ptr<Any>, join_condition: Ptr<Any>,
        merge_when_clauses: Ptr<List>, returning_clause: Ptr<ReturningClause>, with_clause: Ptr<WithClause>,
    }
    141 SelectStmt SelectStmt {
        distinct_clause: Ptr<List>, into_clause: Ptr<IntoClause>, target_list: Ptr<List>,
        from_clause: Ptr<List>, where_clause: Ptr<Any>, group_clause: Ptr<List>, group_distinct: bool,
        having_clause: Ptr<Any>, window_clause: Ptr<List>, values_lists: Ptr<List>, sort_clause: Ptr<List>,
        limit_offset: Ptr<Any>, limit_count: Ptr<Any>, limit_option: Enum, locking_clause: Ptr<List>,
        with_clause: Ptr<WithClause>, op: Enum, all: bool, larg: Ptr<SelectStmt>, rarg: Ptr<SelectStmt>,
    }
    143 ReturnStmt ReturnStmt { returnval: Ptr<Any> }
    145 CreateSchemaStmt CreateSchemaStmt {
        schemaname: Text, authrole: Ptr<RoleSpec>, schema_elts: Ptr<List>, if_not_exists: bool,
    }
    146 AlterTableStmt AlterTableStmt {
        relation: Ptr<RangeVar>, cmds: Ptr<List>, objtype: Enum, missing_ok: bool,
    }
    147 AlterTableCmd AlterTableCmd {
        subtype: Enum, name: Text, num: i16, newowner: Ptr<RoleSpec>, def: Ptr<Any>, behavior: Enum,
        missing_ok: bool, recurse: bool,
    }
    148 AtalterConstraint AtAlterConstraint {
        conname: Text, alter_enforceability: bool, is_enforced: bool, alter_deferrability: bool,
        deferrable: bool, initdeferred: bool, alter_inheritability: bool, noinherit: bool,
    }
    149 ReplicaIdentityStmt ReplicaIdentityStmt { identity_type: Char, name: Text }
    150 AlterCollationStmt AlterCollationStmt { collname: Ptr<List> }
    151 AlterDomainStmt AlterDomainStmt {
        subtype: Char, type_name: Ptr<List>, name: Text, def: Ptr<Any>, behavior: Enum, missing_ok: bool,
    }
    152 GrantStmt GrantStmt {
        is_grant: bool, targtype: Enum, objtype: Enum, objects: Ptr<List>, privileges: Ptr<List>,
        grantees: Ptr<List>, grant_option: bool, grantor: Ptr<RoleSpec>, behavior: Enum,
    }
    153 ObjectWithArgs ObjectWithArgs {
        objname: Ptr<List>, objargs: Ptr<List>, objfuncargs: Ptr<List>, args_unspecified: bool,
    }
    154 AccessPriv AccessPriv { priv_name: Text, cols: Ptr<List> }
    155 GrantRoleStmt GrantRoleStmt {
        granted_roles: Ptr<List>, grantee_roles: Ptr<List>, is_grant: bool, opt: Ptr<List>,
        grantor: Ptr<RoleSpec>, behavior: Enum,
    }
    156 AlterDefaultPrivilegesStmt AlterDefaultPrivilegesStmt { options: Ptr<List>, action: Ptr<GrantStmt> }
    157 CopyStmt CopyStmt {
        relation: Ptr<RangeVar>, query: Ptr<Any>, attlist: Ptr<List>, is_from: bool, is_program: bool,
        filename: Text, options: Ptr<List>, where_clause: Ptr<Any>,
    }
    158 VariableSetStmt VariableSetStmt {
        kind: Enum, name: Text, args: Ptr<List>, jumble_args: bool, is_local: bool, location: i32,
    }
    159 VariableShowStmt VariableShowStmt { name: Text }
    160 CreateStmt CreateStmt {
        relation: Ptr<RangeVar>, table_elts: Ptr<List>, inh_relations: Ptr<List>,
        partbound: Ptr<PartitionBoundSpec>, partspec: Ptr<PartitionSpec>, of_typename: Ptr<TypeName>,
        constraints: Ptr<List>, nnconstraints: Ptr<List>, options: Ptr<List>, oncommit: Enum,
        tablespacename: Text, access_method: Text, if_not_exists: bool,
    }
    161 Constraint Constraint {
        contype: Enum, conname: Text, deferrable: bool, initdeferred: bool, is_enforced: bool,
        skip_validation: bool, initially_valid: bool, is_no_inherit: bool, raw_expr: Ptr<Any>,
        cooked_expr: Text, generated_when: Char, generated_kind: Char, nulls_not_distinct: bool,
        keys: Ptr<List>, without_overlaps: bool, including: Ptr<List>, exclusions: Ptr<List>,
        options: Ptr<List>, indexname: Text, indexspace: Text, reset_default_tblspc: bool,
        access_method: Text, where_clause: Ptr<Any>, pktable: Ptr<RangeVar>, fk_attrs: Ptr<List>,
        pk_attrs: Ptr<List>, fk_with_period: bool, pk_with_period: bool, fk_matchtype: Char,
        fk_upd_action: Char, fk_del_action: Char, fk_del_set_cols: Ptr<List>, old_conpfeqop: Ptr<List>,
        old_pktable_oid: u32, location: i32,
    }
    162 CreateTableSpaceStmt CreateTableSpaceStmt {
        tablespacename: Text, owner: Ptr<RoleSpec>, location: Text, options: Ptr<List>,
    }
    163 DropTableSpaceStmt DropTableSpaceStmt { tablespacename: Text, missing_ok: bool }
    164 AlterTableSpaceOptionsStmt AlterTableSpaceOptionsStmt {
        tablespacename: Text, options: Ptr<List>, is_reset: bool,
    }
    165 AlterTableMoveAllStmt AlterTableMoveAllStmt {
        orig_tablespacename: Text, objtype: Enum, roles: Ptr<List>, new_tablespacename: Text, nowait: bool,
    }
    166 CreateExtensionStmt CreateExtensionStmt { extname: Text, if_not_exists: bool, options: Ptr<List> }
    167 AlterExtensionStmt AlterExtensionStmt { extname: Text, options: Ptr<List> }
    168 AlterExtensionContentsStmt AlterExtensionContentsStmt {
        extname: Text, action: i32, objtype: Enum, object: Ptr<Any>,
    }
    169 CreateFdwStmt CreateFdwStmt { fdwname: Text, func_options: Ptr<List>, options: Ptr<List> }
    170 AlterFdwStmt AlterFdwStmt { fdwname: Text, func_options: Ptr<List>, options: Ptr<List> }
    171 CreateForeignServerStmt CreateForeignServerStmt {
        servername: Text, servertype: Text, version: Text, fdwname: Text, if_not_exists: bool,
        options: Ptr<List>,
    }
    172 AlterForeignServerStmt AlterForeignServerStmt {
        servername: Text, version: Text, options: Ptr<List>, has_version: bool,
    }
    174 CreateUserMappingStmt CreateUserMappingStmt {
        user: Ptr<RoleSpec>, servername: Text, if_not_exists: bool, options: Ptr<List>,
    }
    175 AlterUserMappingStmt AlterUserMappingStmt {
        user: Ptr<RoleSpec>, servername: Text, options: Ptr<List>,
    }
    176 DropUserMappingStmt DropUserMappingStmt { user: Ptr<RoleSpec>, servername: Text, missing_ok: bool }
    177 ImportForeignSchemaStmt ImportForeignSchemaStmt {
        server_name: Text, remote_schema: Text, local_schema: Text, list_type: Enum, table_list: Ptr<List>,
        options: Ptr<List>,
    }
    178 CreatePolicyStmt CreatePolicyStmt {
        policy_name: Text, table: Ptr<RangeVar>, cmd_name: Text, permissive: bool, roles: Ptr<List>,
        qual: Ptr<Any>, with_check: Ptr<Any>,
    }
    179 AlterPolicyStmt AlterPolicyStmt {
        policy_name: Text, table: Ptr<RangeVar>, roles: Ptr<List>, qual: Ptr<Any>, with_check: Ptr<Any>,
    }
    180 CreateAmStmt CreateAmStmt { amname: Text, handler_name: Ptr<List>, amtype: Char }
    181 CreateTrigStmt CreateTrigStmt {
        replace: bool, isconstraint: bool, trigname: Text, relation: Ptr<RangeVar>, funcname: Ptr<List>,
        args: Ptr<List>, row: bool, timing: i16, events: i16, columns: Ptr<List>, when_clause: Ptr<Any>,
        transition_rels: Ptr<List>, deferrable: bool, initdeferred: bool, constrrel: Ptr<RangeVar>,
    }
    182 CreateEventTrigStmt CreateEventTrigStmt {
        trigname: Text, eventname: Text, whenclause: Ptr<List>, funcname: Ptr<List>,
    }
    183 AlterEventTrigStmt AlterEventTrigStmt { trigname: Text, tgenabled: Char }
    184 CreatePlangStmt CreatePLangStmt {
        replace: bool, plname: Text, plhandler: Ptr<List>, plinline: Ptr<List>, plvalidator: Ptr<List>,
        pltrusted: bool,
    }
    185 CreateRoleStmt CreateRoleStmt { stmt_type: Enum, role: Text, options: Ptr<List> }
    186 AlterRoleStmt AlterRoleStmt { role: Ptr<RoleSpec>, options: Ptr<List>, action: i32 }
    187 AlterRoleSetStmt AlterRoleSetStmt {
        role: Ptr<RoleSpec>, database: Text, setstmt: Ptr<VariableSetStmt>,
    }
    188 DropRoleStmt DropRoleStmt { roles: Ptr<List>, missing_ok: bool }
    189 CreateSeqStmt CreateSeqStmt {
        sequence: Ptr<RangeVar>, options: Ptr<List>, owner_id: u32, for_identity: bool, if_not_exists: bool,
    }
    190 AlterSeqStmt AlterSeqStmt {
        sequence: Ptr<RangeVar>, options: Ptr<List>, for_identity: bool, missing_ok: bool,
    }
    191 DefineStmt DefineStmt {
        kind: Enum, oldstyle: bool, defnames: Ptr<List>, args: Ptr<List>, definition: Ptr<List>,
        if_not_exists: bool, replace: bool,
    }
    192 CreateDomainStmt CreateDomainStmt {
        domainname: Ptr<List>, type_name: Ptr<TypeName>, coll_clause: Ptr<CollateClause>,
        constraints: Ptr<List>,
    }
    193 CreateOpClassStmt CreateOpClassStmt {
        opclassname: Ptr<List>, opfamilyname: Ptr<List>, amname: Text, datatype: Ptr<TypeName>,
        items: Ptr<List>, is_default: bool,
    }
    194 CreateOpClassItem CreateOpClassItem {
        itemtype: i32, name: Ptr<ObjectWithArgs>, number: i32, order_family: Ptr<List>,
        class_args: Ptr<List>, storedtype: Ptr<TypeName>,
    }
    195 CreateOpFamilyStmt CreateOpFamilyStmt { opfamilyname: Ptr<List>, amname: Text }
    196 AlterOpFamilyStmt AlterOpFamilyStmt {
        opfamilyname: Ptr<List>, amname: Text, is_drop: bool, items: Ptr<List>,
    }
    197 DropStmt DropStmt {
        objects: Ptr<List>, remove_type: Enum, behavior: Enum, missing_ok: bool, concurrent: bool,
    }
    198 TruncateStmt TruncateStmt { relations: Ptr<List>, restart_seqs: bool, behavior: Enum }
    199 CommentStmt CommentStmt { objtype: Enum, object: Ptr<Any>, comment: Text }
    200 SecLabelStmt SecLabelStmt { objtype: Enum, object: Ptr<Any>, provider: Text, label: Text }
    201 DeclareCursorStmt DeclareCursorStmt { portalname: Text, options: i32, query: Ptr<Any> }
    202 ClosePortalStmt ClosePortalStmt { portalname: Text }
    203 FetchStmt FetchStmt { direction: Enum, how_many: i64, portalname: Text, ismove: bool }
    204 IndexStmt IndexStmt {
        idxname: Text, relation: Ptr<RangeVar>, access_method: Text, table_space: Text,
        index_params: Ptr<List>, index_including_params: Ptr<List>, options: Ptr<List>,
        where_clause: Ptr<Any>, exclude_op_names: Ptr<List>, idxcomment: Text, index_oid: u32,
        old_number: u32, old_create_subid: u32, old_first_relfilelocator_subid: u32, unique: bool,
        nulls_not_distinct: bool, primary: bool, isconstraint: bool, iswithoutoverlaps: bool,
        deferrable: bool, initdeferred: bool, transformed: bool, concurrent: bool, if_not_exists: bool,
        reset_default_tblspc: bool,
    }
    205 CreateStatsStmt CreateStatsStmt {
        defnames: Ptr<List>, stat_types: Ptr<List>, exprs: Ptr<List>, relations: Ptr<List>,
        stxcomment: Text, transformed: bool, if_not_exists: bool | owner: u32,
    }
    206 StatsElem StatsElem { name: Text, expr: Ptr<Any> }
    207 AlterStatsStmt AlterStatsStmt { defnames: Ptr<List>, stxstattarget: Ptr<Any>, missing_ok: bool }
    208 CreateFunctionStmt CreateFunctionStmt {
        is_procedure: bool, replace: bool, funcname: Ptr<List>, parameters: Ptr<List>,
        return_type: Ptr<TypeName>, options: Ptr<List>, sql_body: Ptr<Any>,
    }
    209 FunctionParameter FunctionParameter {
        name: Text, arg_type: Ptr<TypeName>, mode: ParameterMode, defexpr: Ptr<Any>, location: i32,
    }
    210 AlterFunctionStmt AlterFunctionStmt { objtype: Enum, func: Ptr<ObjectWithArgs>, actions: Ptr<List> }
    211 DoStmt DoStmt { args: Ptr<List> }
    213 CallStmt CallStmt { funccall: Ptr<FuncCall>, funcexpr: Unmade, outargs: Ptr<List> }
    215 RenameStmt RenameStmt {
        rename_type: Enum, relation_type: Enum, relation: Ptr<RangeVar>, object: Ptr<Any>, subname: Text,
        newname: Text, behavior: Enum, missing_ok: bool,
    }
    216 AlterObjectDependsStmt AlterObjectDependsStmt {
        object_type: Enum, relation: Ptr<RangeVar>, object: Ptr<Any>, extname: Ptr<String>, remove: bool,
    }
    217 AlterObjectSchemaStmt AlterObjectSchemaStmt {
        object_type: Enum, relation: Ptr<RangeVar>, object: Ptr<Any>, newschema: Text, missing_ok: bool,
    }
    218 AlterOwnerStmt AlterOwnerStmt {
        object_type: Enum, relation: Ptr<RangeVar>, object: Ptr<Any>, newowner: Ptr<RoleSpec>,
    }
    219 AlterOperatorStmt AlterOperatorStmt { opername: Ptr<ObjectWithArgs>, options: Ptr<List> }
    220 AlterTypeStmt AlterTypeStmt { type_name: Ptr<List>, options: Ptr<List> }
    221 RuleStmt RuleStmt {
        relation: Ptr<RangeVar>, rulename: Text, where_clause: Ptr<Any>, event: Enum, instead: bool,
        actions: Ptr<List>, replace: bool,
    }
    222 NotifyStmt NotifyStmt { conditionname: Text, payload: Text, payload_location: i32 }
    223 ListenStmt ListenStmt { conditionname: Text }
    224 UnlistenStmt UnlistenStmt { conditionname: Text }
    225 TransactionStmt TransactionStmt {
        kind: Enum, options: Ptr<List>, savepoint_name: Text, gid: Text, chain: bool, location: i32,
    }
    226 CompositeTypeStmt CompositeTypeStmt { typevar: Ptr<RangeVar>, coldeflist: Ptr<List> }
    227 CreateEnumStmt CreateEnumStmt { type_name: Ptr<List>, vals: Ptr<List> }
    228 CreateRangeStmt CreateRangeStmt { type_name: Ptr<List>, params: Ptr<List> }
    229 AlterEnumStmt AlterEnumStmt {
        type_name: Ptr<List>, old_val: Text, new_val: Text, new_val_neighbor: Text, new_val_is_after: bool,
        skip_if_new_val_exists: bool,
    }
    230 ViewStmt ViewStmt {
        view: Ptr<RangeVar>, aliases: Ptr<List>, query: Ptr<Any>, replace: bool, options: Ptr<List>,
        with_check_option: Enum,
    }
    231 LoadStmt LoadStmt { filename: Text }
    232 CreatedbStmt CreatedbStmt { dbname: Text, options: Ptr<List> }
    233 AlterDatabaseStmt AlterDatabaseStmt { dbname: Text, options: Ptr<List> }
    234 AlterDatabaseRefreshCollStmt AlterDatabaseRefreshCollStmt { dbname: Text }
    235 AlterDatabaseSetStmt AlterDatabaseSetStmt { dbname: Text, setstmt: Ptr<VariableSetStmt> }
    236 DropdbStmt DropdbStmt { dbname: Text, missing_ok: bool, options: Ptr<List> }
    237 AlterSystemStmt AlterSystemStmt { setstmt: Ptr<VariableSetStmt> }
    238 ClusterStmt ClusterStmt { relation: Ptr<RangeVar>, indexname: Text, params: Ptr<List> }
    239 VacuumStmt VacuumStmt { options: Ptr<List>, rels: Ptr<List>, is_vacuumcmd: bool }
    240 VacuumRelation VacuumRelation { relation: Ptr<RangeVar>, oid: u32, va_cols: Ptr<List> }
    241 ExplainStmt ExplainStmt { query: Ptr<Any>, options: Ptr<List> }
    242 CreateTableAsStmt CreateTableAsStmt {
        query: Ptr<Any>, into: Ptr<IntoClause>, objtype: Enum, is_select_into: bool, if_not_exists: bool,
    }
    243 RefreshMatViewStmt RefreshMatViewStmt { concurrent: bool, skip_data: bool, relation: Ptr<RangeVar> }
    245 DiscardStmt DiscardStmt { target: Enum }
    246 LockStmt LockStmt { relations: Ptr<List>, mode: i32, nowait: bool }
    247 ConstraintsSetStmt ConstraintsSetStmt { constraints: Ptr<List>, deferred: bool }
    248 ReindexStmt ReindexStmt { kind: Enum, relation: Ptr<RangeVar>, name: Text, params: Ptr<List> }
    249 CreateConversionStmt CreateConversionStmt {
        conversion_name: Ptr<List>, for_encoding_name: Text, to_encoding_name: Text, func_name: Ptr<List>,
        def: bool,
    }
    250 CreateCastStmt CreateCastStmt {
        sourcetype: Ptr<TypeName>, targettype: Ptr<TypeName>, func: Ptr<ObjectWithArgs>, context: Enum,
        inout: bool,
    }
    251 CreateTransformStmt CreateTransformStmt {
        replace: bool, type_name: Ptr<TypeName>, lang: Text, fromsql: Ptr<ObjectWithArgs>,
        tosql: Ptr<ObjectWithArgs>,
    }
    252 PrepareStmt PrepareStmt { name: Text, argtypes: Ptr<List>, query: Ptr<Any> }
    253 ExecuteStmt ExecuteStmt { name: Text, params: Ptr<List> }
    254 DeallocateStmt DeallocateStmt { name: Text, isall: bool, location: i32 }
    255 DropOwnedStmt DropOwnedStmt { roles: Ptr<List>, behavior: Enum }
    256 ReassignOwnedStmt ReassignOwnedStmt { roles: Ptr<List>, newrole: Ptr<RoleSpec> }
    257 AlterTsdictionaryStmt AlterTsDictionaryStmt { dictname: Ptr<List>, options: Ptr<List> }
    258 AlterTsconfigurationStmt AlterTsConfigurationStmt {
        kind: Enum, cfgname: Ptr<List>, tokentype: Ptr<List>, dicts: Ptr<List>, r#override: bool,
        replace: bool, missing_ok: bool,
    }
    259 PublicationTable PublicationTable {
        relation: Ptr<RangeVar>, where_clause: Ptr<Any>, columns: Ptr<List>,
    }
    260 PublicationObjSpec PublicationObjSpec {
        pubobjtype: Enum, name: Text, pubtable: Ptr<PublicationTable>, location: i32,
    }
    261 CreatePublicationStmt CreatePublicationStmt {
        pubname: Text, options: Ptr<List>, pubobjects: Ptr<List>, for_all_tables: bool,
    }
    262 AlterPublicationStmt AlterPublicationStmt {
        pubname: Text, options: Ptr<List>, pubobjects: Ptr<List>, for_all_tables: bool, action: Enum,
    }
    263 CreateSubscriptionStmt CreateSubscriptionStmt {
        subname: Text, conninfo: Text, publication: Ptr<List>, options: Ptr<List>, conninfo_location: i32,
    }
    264 AlterSubscriptionStmt AlterSubscriptionStmt {
        kind: Enum, subname: Text, conninfo: Text, publication: Ptr<List>, options: Ptr<List>,
        conninfo_location: i32,
    }
    265 DropSubscriptionStmt DropSubscriptionStmt { subname: Text, missing_ok: bool, behavior: Enum }
    465 Integer Integer { ival: i32 }
    466 Float Float { fval: Text }
    467 Boolean Boolean { boolval: bool }
    468 String String { sval: Text }
    469 BitString BitString { bsval: Text }
}
