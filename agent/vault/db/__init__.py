"""The database: pools of connections by role, tables, tenants, and what its errors mean."""
