-- 128 MB of work_mem, twice that for each hash, is more than a small member has: the check of a ledger of half a million
-- transactions ended with its session killed and PostgreSQL in recovery. With the member's own work_mem, which its memory
-- limit holds, the check takes as long.
ALTER FUNCTION ledger_invariants() RESET work_mem;
