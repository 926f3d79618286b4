# Input: lines "member id", then lines "seconds path" of control groups. Variables: host, root, tree.
# Output: Prometheus text.

function first(path,    line, status) {
    status = (getline line < path)
    close(path)
    return status > 0 ? line : ""
}

# Value of `key` in a file of "key value" lines.
function field(path, key,    line, parts, found) {
    found = ""
    while ((getline line < path) > 0)
        if (split(line, parts, " ") == 2 && parts[1] == key) { found = parts[2]; break }
    close(path)
    return found
}

function put(metric, value) {
    if (value == "") return
    lines[metric] = lines[metric] sprintf("%s{instance=\"%s\",host=\"%s\"} %s\n", metric, member, host, value)
}

function version1(group,    cpu, usage, limit) {
    cpu = root "/cpu" group
    put("container_cpu_usage_seconds_total", sprintf("%.3f", first(root "/cpuacct" group "/cpuacct.usage") / 1e9))
    put("container_cpu_cfs_periods_total", field(cpu "/cpu.stat", "nr_periods"))
    put("container_cpu_cfs_throttled_periods_total", field(cpu "/cpu.stat", "nr_throttled"))
    put("container_cpu_cfs_throttled_seconds_total", sprintf("%.3f", field(cpu "/cpu.stat", "throttled_time") / 1e9))
    put("container_spec_cpu_quota", first(cpu "/cpu.cfs_quota_us"))
    put("container_spec_cpu_period", first(cpu "/cpu.cfs_period_us"))
    usage = first(tree group "/memory.usage_in_bytes")
    limit = first(tree group "/memory.limit_in_bytes")
    memory(usage, field(tree group "/memory.stat", "total_inactive_file"), limit)
    put("container_oom_events_total", field(tree group "/memory.oom_control", "oom_kill"))
}

function version2(group,    path, quota) {
    path = tree group
    put("container_cpu_usage_seconds_total", sprintf("%.3f", field(path "/cpu.stat", "usage_usec") / 1e6))
    put("container_cpu_cfs_periods_total", field(path "/cpu.stat", "nr_periods"))
    put("container_cpu_cfs_throttled_periods_total", field(path "/cpu.stat", "nr_throttled"))
    put("container_cpu_cfs_throttled_seconds_total", sprintf("%.3f", field(path "/cpu.stat", "throttled_usec") / 1e6))
    if (split(first(path "/cpu.max"), quota, " ") == 2 && quota[1] != "max") {
        put("container_spec_cpu_quota", quota[1])
        put("container_spec_cpu_period", quota[2])
    }
    memory(first(path "/memory.current"), field(path "/memory.stat", "inactive_file"), first(path "/memory.max"))
    put("container_oom_events_total", field(path "/memory.events", "oom_kill"))
}

# What can be given back without a loss is no use of memory, as the kubelet counts it.
function memory(usage, inactive, limit) {
    put("container_memory_usage_bytes", usage)
    put("container_memory_working_set_bytes", sprintf("%.0f", usage > inactive + 0 ? usage - inactive : 0))
    if (limit != "max" && limit + 0 < 2 ^ 60) put("container_spec_memory_limit_bytes", limit)
}

FNR == NR { members[$2] = $1; next }

match($2, /[0-9a-f]+(\.scope)?$/) {
    id = substr($2, RSTART, 64)
    if (!(id in members)) next
    member = members[id]
    group = substr($2, length(tree) + 1)
    put("container_start_time_seconds", sprintf("%.0f", $1))
    if (tree == root) version2(group)
    else version1(group)
}

END {
    for (metric in lines) {
        kind = metric ~ /_total$/ ? "counter" : "gauge"
        printf "# HELP %s From the control group of the container\n# TYPE %s %s\n%s", metric, metric, kind, lines[metric]
    }
}
