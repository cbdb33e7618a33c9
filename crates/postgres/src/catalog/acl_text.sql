, acl_text as materialized (
    -- Every different list of privileges, taken apart and written in one order.
    select l.acl, (select string_agg(format('%s=%s%s/%I',
                                            case e.grantee when 0 then 'PUBLIC' else quote_ident(pg_get_userbyid(e.grantee)) end,
                                            e.privilege_type, case when e.is_grantable then '*' else '' end,
                                            pg_get_userbyid(e.grantor)), ', '
                                     order by e.grantee = 0 desc, pg_get_userbyid(e.grantee), e.privilege_type,
                                              pg_get_userbyid(e.grantor), e.is_grantable)
                     from aclexplode(nullif(l.acl, '{}')::aclitem[]) e) as text
      from (select coalesce(acl, acldefault(acl_type, owner))::text as acl
              from named where owner is not null and acl_type is not null
            union
            select coalesce(initprivs, acldefault(acl_type, owner))::text
              from named where owner is not null and acl_type is not null
            union
            select attacl::text from pg_attribute where attacl is not null
            union
            select defaclacl::text from pg_default_acl
            union
            select coalesce(lomacl, acldefault('L', lomowner))::text from pg_largeobject_metadata) as l
)
