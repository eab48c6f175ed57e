/**
 * What the instructions of the kernel's own paths cost. Accesses to data, page tables, stacks and
 * buffers are charged one by one where they happen; the code around them is not run by the model, so
 * each path is charged by the functions that Linux 6.5 passes on it (x86-64, ext4, AppArmor, cgroups,
 * no mitigations), inlined ones left out. They are written down by hand from knowledge of its source,
 * not traced. The lists are the documentation: their lengths are what counts.
 */
import { type Meter, TSC } from '@hotpath/hw-x86';
import type { Current } from './current.js';
import {
  SYS_ACCESS,
  SYS_BRK,
  SYS_CHDIR,
  SYS_CHMOD,
  SYS_CLONE,
  SYS_CLOSE,
  SYS_EXECVE,
  SYS_FORK,
  SYS_FSTAT,
  SYS_KILL,
  SYS_LIMIT,
  SYS_LINK,
  SYS_LSTAT,
  SYS_MADVISE,
  SYS_MKDIR,
  SYS_MKNOD,
  SYS_MMAP,
  SYS_MPROTECT,
  SYS_MUNMAP,
  SYS_OPEN,
  SYS_PREAD,
  SYS_PWRITE,
  SYS_READ,
  SYS_READLINK,
  SYS_READV,
  SYS_RENAME,
  SYS_RMDIR,
  SYS_STAT,
  SYS_STATFS,
  SYS_SYMLINK,
  SYS_TGKILL,
  SYS_TRUNCATE,
  SYS_UNLINK,
  SYS_WRITE,
  SYS_WRITEV,
} from './syscall/numbers.js';

/** Instructions of a function on such a path, its own part alone: they retire at full width. */
const FUNCTION_OPERATIONS = 40;
/**
 * Cycles that a function stalls beside that: dependent loads that hit, locked instructions, fetches.
 * The one fitted figure of the kernel: so that a cached pread of 4 KiB takes the 375 ns in the middle
 * of what real machines show. Together with the operations it means about one instruction a cycle.
 */
const FUNCTION_STALL_CYCLES = 25;

function functions(names: string): number {
  return names.trim().split(/\s+/).length;
}

/** Into and out of every call, beside the registers (entry_64.S). */
export const PATH_SYSCALL = functions(`
  do_syscall_64 syscall_enter_from_user_mode syscall_exit_to_user_mode exit_to_user_mode_prepare`);

/** The handler of a call that only looks something up: getpid, umask, lseek. */
export const PATH_SHORT_CALL = functions('__x64_sys_getpid __task_pid_nr_ns');

/** read and pread of a file, beside the pages. */
export const PATH_FILE_READ = functions(`
  __x64_sys_pread64 ksys_pread64 __fget_light vfs_read rw_verify_area security_file_permission
  apparmor_file_permission fsnotify_perm new_sync_read ext4_file_read_iter generic_file_read_iter
  filemap_read touch_atime atime_needs_update ktime_get_coarse_real_ts64 current_time
  __fsnotify_parent fsnotify fput`);
/** Each page of it. */
export const PATH_PAGE_READ = functions(`
  filemap_get_pages filemap_get_read_batch xas_load xas_next folio_mark_accessed copy_page_to_iter
  _copy_to_iter copyout folio_put __cond_resched`);

/** write and pwrite of a file, beside the pages. */
export const PATH_FILE_WRITE = functions(`
  __x64_sys_pwrite64 ksys_pwrite64 __fget_light vfs_write rw_verify_area security_file_permission
  apparmor_file_permission new_sync_write ext4_file_write_iter ext4_buffered_write_iter down_write
  ext4_write_checks generic_write_checks generic_write_check_limits file_modified file_remove_privs
  security_inode_need_killpriv file_update_time inode_needs_update_time current_time
  ktime_get_coarse_real_ts64 __mnt_want_write_file generic_update_time __mark_inode_dirty
  generic_perform_write up_write generic_write_sync __fsnotify_parent fsnotify fput`);
/** Each page of it. */
export const PATH_PAGE_WRITE = functions(`
  fault_in_iov_iter_readable fault_in_readable ext4_da_write_begin ext4_nonda_switch
  __filemap_get_folio filemap_get_entry xas_load folio_wait_stable __block_write_begin_int
  create_page_buffers copy_page_from_iter_atomic ext4_da_write_end generic_write_end
  block_write_end __block_commit_write mark_buffer_dirty folio_unlock folio_mark_accessed
  balance_dirty_pages_ratelimited __cond_resched`);

/** read or write of a pipe, device or text, beside the waking. */
export const PATH_STREAM = functions(`
  __x64_sys_write ksys_write __fget_light vfs_write rw_verify_area security_file_permission
  apparmor_file_permission new_sync_write pipe_write mutex_lock __cond_resched pipe_lock
  alloc_pages copy_page_from_iter _copy_from_iter mutex_unlock file_update_time current_time
  ktime_get_coarse_real_ts64 __mnt_want_write_file kill_fasync __fsnotify_parent fput`);

/** A task is made ready. */
export const PATH_WAKE = functions(`
  __wake_up_sync_key __wake_up_common_lock __wake_up_common autoremove_wake_function
  default_wake_function try_to_wake_up _raw_spin_lock_irqsave select_task_rq_fair
  select_idle_sibling available_idle_cpu ttwu_queue _raw_spin_lock update_rq_clock ttwu_do_activate
  enqueue_task enqueue_task_fair enqueue_entity update_curr update_load_avg
  __update_load_avg_se __update_load_avg_cfs_rq update_cfs_group place_entity __enqueue_entity
  check_preempt_curr check_preempt_wakeup resched_curr _raw_spin_unlock_irqrestore`);

/** A CPU changes tasks (a switch to nothing or from nothing is as long). */
export const PATH_SWITCH = functions(`
  prepare_to_wait_event schedule __schedule rcu_note_context_switch _raw_spin_lock update_rq_clock
  deactivate_task dequeue_task dequeue_task_fair dequeue_entity update_curr update_min_vruntime
  update_load_avg __update_load_avg_se __update_load_avg_cfs_rq clear_buddies update_cfs_group
  psi_task_switch pick_next_task pick_next_task_fair pick_next_entity set_next_entity
  __dequeue_entity update_stats_wait_end prepare_task_switch perf_event_task_sched_out
  switch_mm_irqs_off load_new_mm_cr3 switch_fpu_return __switch_to_asm __switch_to
  finish_task_switch perf_event_task_sched_in finish_wait`);

/** An interrupt, beside what its handler does. */
export const PATH_INTERRUPT = functions(`
  asm_common_interrupt error_entry irqentry_enter irq_enter_rcu handle_irq_event
  __handle_irq_event_percpu irq_exit_rcu irqentry_exit`);
/** The timer's handler. */
export const PATH_TICK = functions(`
  hrtimer_interrupt ktime_get_update_offsets_now __hrtimer_run_queues tick_sched_timer
  tick_sched_do_timer tick_do_update_jiffies64 tick_sched_handle update_process_times
  account_process_tick account_user_time raise_softirq rcu_sched_clock_irq scheduler_tick
  _raw_spin_lock update_rq_clock task_tick_fair entity_tick update_curr update_load_avg
  calc_global_load_tick perf_event_task_tick trigger_load_balance hrtimer_forward
  enqueue_hrtimer tick_program_event lapic_next_deadline`);

/** A page fault, up to what kind it is. */
export const PATH_FAULT = functions(`
  asm_exc_page_fault error_entry exc_page_fault do_user_addr_fault lock_vma_under_rcu mas_walk
  down_read_trylock handle_mm_fault __handle_mm_fault mem_cgroup_from_task handle_pte_fault
  up_read irqentry_exit_to_user_mode exit_to_user_mode_prepare`);
/** A new page of nobody's file, or a copy of one. */
export const PATH_NEW_PAGE = functions(`
  do_anonymous_page __anon_vma_prepare vma_alloc_folio __alloc_pages get_page_from_freelist
  rmqueue clear_page_erms __mem_cgroup_charge charge_memcg try_charge_memcg _raw_spin_lock
  folio_add_new_anon_rmap __lruvec_stat_mod_folio folio_add_lru set_pte_at`);
/** A page of a file, from the cache. */
export const PATH_FILE_PAGE = functions(`
  do_fault do_read_fault should_fault_around do_fault_around filemap_map_pages
  next_uptodate_page pmd_install _raw_spin_lock`);
/** Each page that is mapped beside it. */
export const PATH_PAGE_AROUND = functions('next_uptodate_page set_pte_range page_add_file_rmap');

/** fork, beside areas and pages. */
export const PATH_FORK = functions(`
  __x64_sys_fork kernel_clone copy_process dup_task_struct kmem_cache_alloc_node
  alloc_thread_stack_node arch_dup_task_struct set_task_stack_end_magic copy_creds prepare_creds
  kmem_cache_alloc get_group_info security_prepare_creds apparmor_cred_prepare copy_user_ns
  delayacct_tsk_init audit_alloc sched_fork __sched_fork init_entity_runnable_average
  perf_event_init_task inherit_task_group audit_filter_task security_task_alloc
  apparmor_task_alloc copy_semundo copy_files dup_fd kmem_cache_alloc alloc_fdtable
  copy_fs copy_fs_struct path_get copy_sighand kmem_cache_alloc copy_signal kmem_cache_alloc
  hrtimer_init posix_cputimers_init tty_audit_fork sched_autogroup_fork copy_mm dup_mm
  kmem_cache_alloc mm_init mm_alloc_pgd __get_free_pages pgd_ctor percpu_counter_init
  init_new_context dup_mmap down_write khugepaged_fork uprobe_start_dup_mmap copy_io
  copy_namespaces copy_thread fpu_clone alloc_pid kmem_cache_alloc idr_alloc_cyclic
  idr_get_free pidfs_add cgroup_can_fork cgroup_css_set_fork cset_fork sched_cgroup_fork
  set_task_cpu task_fork_fair init_task_pid_links attach_pid proc_fork_connector
  cgroup_post_fork css_set_move_task perf_event_fork trace_task_newtask uprobe_copy_process
  wake_up_new_task put_pid flush_tlb_mm_range up_write mmput`);
/** Each area that it copies. */
export const PATH_FORK_AREA = functions(`
  vm_area_dup kmem_cache_alloc vma_dup_policy dup_userfaultfd anon_vma_fork anon_vma_clone
  kmem_cache_alloc anon_vma_chain_link anon_vma_interval_tree_insert anon_vma_ctor
  mas_store mas_wr_store_entry copy_page_range copy_p4d_range copy_pte_range pte_alloc_one
  vm_ops_open`);
/** Each page of it. */
export const PATH_FORK_PAGE = functions('copy_present_pte vm_normal_page page_try_dup_anon_rmap');

/** The end of a process, beside its pages. */
export const PATH_EXIT = functions(`
  __x64_sys_exit_group do_group_exit do_exit coredump_task_exit ptrace_event exit_signals
  cgroup_threadgroup_change_begin seccomp_filter_release acct_update_integrals sync_mm_rss
  hrtimer_cancel exit_itimers acct_collect audit_free tty_audit_exit exit_mm mm_release
  exit_robust_list futex_exit_release down_read sync_mm_rss enter_lazy_tlb mmput exit_mmap
  mas_find lru_add_drain tlb_gather_mmu unmap_vmas unmap_page_range free_pgtables
  unlink_anon_vmas unlink_file_vma free_pgd_range tlb_finish_mmu tlb_flush_mmu
  free_pages_and_swap_cache remove_vma vm_area_free __mt_destroy mm_drop destroy_context
  exit_sem exit_shm exit_files put_files_struct filp_close exit_fs free_fs_struct path_put
  disassociate_ctty exit_task_namespaces exit_task_work exit_thread perf_event_exit_task
  sched_autogroup_exit_task cgroup_exit css_set_move_task flush_ptrace_hw_breakpoint
  exit_tasks_rcu_start exit_notify forget_original_parent write_lock_irq
  do_notify_parent task_cputime send_signal_locked prepare_signal __send_signal_locked
  sigqueue_alloc complete_signal __wake_up_parent proc_exit_connector mpol_put_task_policy
  exit_io_context check_stack_usage exit_rcu do_task_dead`);
/** The end of a thread of a process that goes on. */
export const PATH_THREAD_EXIT = functions(`
  __x64_sys_exit do_exit exit_signals acct_update_integrals exit_mm mm_release
  exit_robust_list mmput exit_files exit_fs exit_thread perf_event_exit_task
  sched_autogroup_exit_task cgroup_exit exit_notify release_task __exit_signal detach_pid
  free_pid put_task_struct_rcu_user exit_rcu do_task_dead`);
/** Each page that an address space gives up. */
export const PATH_UNMAP_PAGE = functions('zap_present_pte page_remove_rmap free_swap_cache');
/** wait4 that finds its child. */
export const PATH_WAIT = functions(`
  __x64_sys_wait4 kernel_wait4 do_wait add_wait_queue do_wait_thread wait_consider_task
  security_task_wait wait_task_zombie task_cputime_adjusted cputime_adjust getrusage
  release_task proc_flush_pid cgroup_release __exit_signal posix_cpu_timers_exit
  __unhash_process detach_pid free_pid flush_sigqueue __cleanup_sighand put_task_struct_rcu_user
  delayed_put_task_struct free_task free_uid remove_wait_queue put_user`);
/** A thread: what fork does without memory, files and signals. */
export const PATH_THREAD = functions(`
  __x64_sys_clone kernel_clone copy_process dup_task_struct kmem_cache_alloc_node
  alloc_thread_stack_node arch_dup_task_struct copy_creds sched_fork perf_event_init_task
  security_task_alloc copy_files copy_fs copy_sighand copy_signal copy_mm copy_io
  copy_namespaces copy_thread fpu_clone alloc_pid idr_alloc_cyclic cgroup_can_fork
  cgroup_css_set_fork sched_cgroup_fork attach_pid cgroup_post_fork perf_event_fork
  wake_up_new_task put_pid`);
/** exec of a program that is at hand, beside its pages. */
export const PATH_EXEC = functions(`
  __x64_sys_execve do_execveat_common getname_flags alloc_bprm bprm_mm_init count copy_strings
  bprm_execve prepare_bprm_creds check_unsafe_exec do_open_execat sched_exec
  security_bprm_creds_for_exec exec_binprm search_binary_handler kernel_read load_elf_binary
  begin_new_exec de_thread exec_mmap mmput unshare_files flush_thread setup_new_exec
  arch_pick_mmap_layout setup_arg_pages shift_arg_pages elf_map vm_mmap set_brk
  create_elf_tables start_thread finalize_exec acct_update_integrals free_bprm putname`);

/** open of a path, beside its components. */
export const PATH_OPEN = functions(`
  __x64_sys_openat do_sys_openat2 getname_flags strncpy_from_user get_unused_fd_flags alloc_fd
  do_filp_open path_openat alloc_empty_file kmem_cache_alloc security_file_alloc path_init
  do_open may_open inode_permission vfs_open do_dentry_open security_file_open
  apparmor_file_open ext4_file_open generic_file_open file_ra_state_init terminate_walk
  fsnotify fd_install putname`);
/** Each component of a path. */
export const PATH_COMPONENT = functions(`
  link_path_walk inode_permission generic_permission hash_name walk_component lookup_fast
  __d_lookup_rcu step_into`);
/** stat and its kind, beside the components. */
export const PATH_STAT = functions(`
  __x64_sys_newstat vfs_statx getname_flags strncpy_from_user filename_lookup path_lookupat
  path_init complete_walk security_inode_getattr vfs_getattr_nosec ext4_getattr
  generic_fillattr cp_new_stat path_put dput putname`);
/** close of the last descriptor. */
export const PATH_CLOSE = functions(`
  __x64_sys_close close_fd pick_file filp_close dnotify_flush locks_remove_posix fput
  task_work_add ____fput __fput ext4_release_file security_file_free dput mntput`);
/** A change of names, beside what the file system does: create, link, unlink, mkdir, rename. */
export const PATH_NAMES = functions(`
  do_unlinkat filename_parentat path_parentat mnt_want_write down_write __lookup_hash
  d_lookup security_path_unlink vfs_unlink may_delete inode_permission security_inode_unlink
  ext4_unlink ext4_find_entry jbd2__journal_start ext4_delete_entry ext4_mark_inode_dirty
  __ext4_journal_stop fsnotify d_delete dput iput up_write mnt_drop_write putname`);
/** mmap, munmap, mprotect, brk, beside the pages. */
export const PATH_MAP = functions(`
  __x64_sys_mmap ksys_mmap_pgoff security_mmap_file vm_mmap_pgoff down_write_killable do_mmap
  get_unmapped_area arch_get_unmapped_area_topdown mas_empty_area_rev may_expand_vm mmap_region
  vma_merge vm_area_alloc kmem_cache_alloc mas_store_prealloc mas_wr_store_entry
  vma_interval_tree_insert perf_event_mmap vm_stat_account up_write`);
/** kill, sigaction with its delivery: the frame, the handler's return. */
export const PATH_SIGNAL = functions(`
  arch_do_signal_or_restart get_signal dequeue_signal collect_signal recalc_sigpending
  handle_signal get_sigframe copy_fpstate_to_sigframe __setup_rt_frame copy_siginfo_to_user
  signal_setup_done __set_current_blocked __x64_sys_rt_sigreturn restore_sigcontext
  fpu__restore_sig set_current_blocked`);
/** A request of a disk: made, sent, completed. */
export const PATH_DISK_REQUEST = functions(`
  ext4_mpage_readpages ext4_map_blocks bio_alloc_bioset mempool_alloc bio_add_page submit_bio
  submit_bio_noacct blk_mq_submit_bio bio_split_to_limits blk_attempt_plug_merge
  blk_mq_get_request blk_flush_plug_list blk_mq_dispatch_plug_list nvme_queue_rq
  nvme_setup_cmd dma_map_sg nvme_sq_copy_cmd nvme_irq nvme_poll_cq blk_mq_complete_request
  nvme_pci_complete_rq blk_mq_end_request bio_endio mpage_end_io folio_end_read
  folio_wake_bit blk_mq_free_request`);

const PATHS: readonly (readonly [number, readonly number[]])[] = [
  [PATH_OPEN, [SYS_OPEN]],
  [PATH_CLOSE, [SYS_CLOSE]],
  [PATH_STAT, [SYS_STAT, SYS_LSTAT, SYS_FSTAT, SYS_STATFS, SYS_ACCESS, SYS_READLINK, SYS_CHDIR]],
  [PATH_NAMES, [SYS_MKDIR, SYS_RMDIR, SYS_LINK, SYS_UNLINK, SYS_SYMLINK, SYS_RENAME, SYS_MKNOD]],
  [PATH_NAMES, [SYS_CHMOD, SYS_TRUNCATE]],
  [PATH_MAP, [SYS_MMAP, SYS_MUNMAP, SYS_MPROTECT, SYS_MADVISE, SYS_BRK]],
  [PATH_FORK, [SYS_FORK]],
  [PATH_THREAD, [SYS_CLONE]],
  [PATH_EXEC, [SYS_EXECVE]],
  [PATH_SIGNAL, [SYS_KILL, SYS_TGKILL]],
  // By what the descriptor leads to, where that is known.
  [0, [SYS_READ, SYS_WRITE, SYS_PREAD, SYS_PWRITE, SYS_READV, SYS_WRITEV]],
];

/** Functions of each call, its entry and exit included. */
const CALL_FUNCTIONS = new Uint16Array(SYS_LIMIT).fill(PATH_SYSCALL + PATH_SHORT_CALL);
for (const [path, calls] of PATHS) {
  for (const call of calls) CALL_FUNCTIONS[call] = PATH_SYSCALL + path;
}

/** Charges paths to the CPU that runs. */
export class KernelPaths {
  readonly #current: Current;
  readonly #meter: Meter;

  constructor(current: Current, meter: Meter) {
    this.#current = current;
    this.#meter = meter;
  }

  /** A system call begins: its entry, its exit, and what its number alone says of the rest. */
  enterCall(number: number): void {
    this.pass(CALL_FUNCTIONS[number] ?? PATH_SYSCALL);
  }

  /** The CPU passes so many functions. */
  pass(count: number): void {
    this.#meter.retire(count * FUNCTION_OPERATIONS);
    this.#current.cpu.cells[TSC] += count * FUNCTION_STALL_CYCLES;
  }
}
