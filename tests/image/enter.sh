# Runs inside new namespaces (see container.py): arranges the container's view, then becomes its
# first process. Arguments: ROOT VOLUME HOSTNAME UID:GID WORKDIR COMMAND...
set -eu
root=$1 volume=$2 host=$3 user=$4 workdir=$5
shift 5
hostname "$host"
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
mount -t tmpfs -o mode=755,size=1m,nosuid tmpfs "$root/dev"
for device in null zero full random urandom; do
    touch "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
ln -s /proc/self/fd "$root/dev/fd"
mkdir "$root/dev/shm"
mount -t tmpfs -o mode=1777,size=64m,nosuid,nodev,noexec tmpfs "$root/dev/shm"
mount -t tmpfs -o mode=1777,size=512m,nosuid,nodev,noexec tmpfs "$root/tmp"
mount --bind /etc/hosts "$root/etc/hosts"
[ -z "$volume" ] || mount --bind "$volume" "$root/data"
exec setpriv --no-new-privs --bounding-set=-all,+sys_chroot,+setuid,+setgid \
    chroot --userspec="$user" --groups= "$root" env -C "$workdir" "$@"
