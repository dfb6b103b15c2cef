"""What is said of settings in tables: their places in the file, and which do nothing yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

NOT_YET = frozenset(
    {
        "alert_thresholds",
        "enable_monitoring",
        "health_check_interval",
        "memory_limit_mb",
        "metrics_export_interval",
        "metrics_port",
    }
)
"""Settings that are checked and shown, and do nothing so far: what they set comes with a later release."""

NO_EFFECT = "has no effect in this version"
"""What is said of them."""

SECRET = frozenset({"redis_url"})
"""Settings whose value is never told."""

GROUPS: Mapping[str, Mapping[str, str]] = {
    "performance": {
        name: name for name in ("enable_gpu", "gpu_memory_growth", "batch_size", "worker_threads", "memory_limit_mb")
    },
    "cache": {
        "enabled": "cache_enabled",
        "dir": "cache_dir",
        "memory_size_mb": "memory_cache_mb",
        "disk_size_mb": "cache_size_mb",
        "ttl_hours": "cache_ttl_hours",
        "redis_url": "redis_url",
    },
    "models": {"dir": "models_dir", "auto_download": "auto_download"},
    "audio": {
        name: name
        for name in (
            "default_sample_rate",
            "supported_formats",
            "enable_preprocessing",
            "normalize_loudness",
            "max_file_mb",
            "max_duration_s",
        )
    },
    "monitoring": {
        "enabled": "enable_monitoring",
        "metrics_port": "metrics_port",
        "export_interval": "metrics_export_interval",
        "health_check_interval": "health_check_interval",
        "alert_thresholds": "alert_thresholds",
    },
}
"""The name of each setting, by group and key of the YAML file."""

YAML_PATHS = {name: f"{group}.{key}" for group, keys in GROUPS.items() for key, name in keys.items()}
"""Where each setting stands in the YAML file, below ``spleeter:``; the others cannot be set there."""
