"""Questions that members have asked at times."""
